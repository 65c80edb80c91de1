"""Documents.

Revision: documents_0001
"""

import pgvector.sqlalchemy
import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from app.core.database.models import SCHEMA
from app.core.migrations.errors import MigrationError
from app.core.migrations.protect import protect

revision = "documents_0001"
down_revision = None
branch_labels = ("documents",)
depends_on = ("core_0001", "users_0001")

STATES = ("uploading", "processing", "ready", "failed", "cancelled")


def upgrade() -> None:
    use_vectors()
    op.create_table(
        "documents",
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("updated_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("object_key", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("labels", postgresql.JSONB(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=True),
        sa.Column("search_config", sa.String(length=63), nullable=True),
        sa.Column(
            "state",
            sa.Enum(*STATES, name="state", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("chunk_count", sa.Integer(), nullable=False),
        sa.Column("ready_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            [f"{SCHEMA}.users.id"],
            name=op.f("fk_documents_owner_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint("object_key", name=op.f("uq_documents_object_key")),
        sa.UniqueConstraint("owner_id", "sha256", name=op.f("uq_documents_owner_id_sha256")),
        schema=SCHEMA,
    )
    protect("documents")
    op.create_index(
        "ix_documents_owner_id_created_at",
        "documents",
        ["owner_id", "created_at", "id"],
        schema=SCHEMA,
    )
    op.create_index("ix_documents_state", "documents", ["state", "created_at"], schema=SCHEMA)

    op.create_table(
        "documents_chunks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("content", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("search_config", sa.String(length=63), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            [f"{SCHEMA}.documents.id"],
            name=op.f("fk_documents_chunks_document_id_documents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents_chunks")),
        sa.UniqueConstraint(
            "document_id", "position", name=op.f("uq_documents_chunks_document_id_position")
        ),
        schema=SCHEMA,
    )
    protect("documents_chunks")
    op.create_index("ix_documents_chunks_owner_id", "documents_chunks", ["owner_id"], schema=SCHEMA)
    op.create_index(
        "ix_documents_chunks_words",
        "documents_chunks",
        ["words"],
        schema=SCHEMA,
        postgresql_using="gin",
    )

    op.create_table(
        "documents_embeddings",
        sa.Column("chunk_id", sa.Uuid(), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("embedding", pgvector.sqlalchemy.HALFVEC(), nullable=False),
        sa.ForeignKeyConstraint(
            ["chunk_id"],
            [f"{SCHEMA}.documents_chunks.id"],
            name=op.f("fk_documents_embeddings_chunk_id_documents_chunks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("chunk_id", "model", name=op.f("pk_documents_embeddings")),
        schema=SCHEMA,
    )
    protect("documents_embeddings")
    for column in ("owner_id", "document_id"):
        op.create_index(
            f"ix_documents_embeddings_{column}",
            "documents_embeddings",
            [column, "model"],
            schema=SCHEMA,
        )
    op.create_index(
        "ix_documents_embeddings_model", "documents_embeddings", ["model"], schema=SCHEMA
    )


def downgrade() -> None:
    # The extension stays, because other features may use it.
    op.drop_table("documents_embeddings", schema=SCHEMA)
    op.drop_table("documents_chunks", schema=SCHEMA)
    op.drop_table("documents", schema=SCHEMA)


def use_vectors() -> None:
    """Create the extension pgvector in Supabase's schema for extensions, and find its types.

    Raises:
        MigrationError: the server does not have pgvector, or its version is too old.
    """
    connection = op.get_bind()
    available = connection.execute(
        text(
            "SELECT string_to_array(coalesce(installed_version, default_version), '.')::int[]"
            " >= '{0,8}' FROM pg_available_extensions WHERE name = 'vector'"
        )
    ).scalar_one_or_none()
    if not available:
        raise MigrationError(
            "The database server has no pgvector 0.8 or later. Install it, or use Supabase or a "
            "container of the image pgvector/pgvector."
        )
    op.execute(text("CREATE SCHEMA IF NOT EXISTS extensions"))
    op.execute(text("CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA extensions"))
    # The extension may exist in another schema.
    op.execute(
        text(
            "SELECT set_config('search_path', quote_ident(nspname), true)"
            " FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace"
            " WHERE extname = 'vector'"
        )
    )
