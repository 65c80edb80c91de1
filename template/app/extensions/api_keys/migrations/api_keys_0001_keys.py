"""API keys and the addresses that use them.

Revision: api_keys_0001
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.database.models import SCHEMA
from app.core.migrations.protect import protect

revision = "api_keys_0001"
down_revision = None
branch_labels = ("api_keys",)
depends_on = ("users_0001",)


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("start", sa.String(length=40), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.JSONB(), nullable=False),
        sa.Column("networks", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("expires_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("revoked_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("replaced_by", sa.Uuid(), nullable=True),
        sa.Column("last_used_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("last_used_from", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            [f"{SCHEMA}.users.id"],
            name=op.f("fk_api_keys_owner_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_api_keys_secret_hash")),
        schema=SCHEMA,
    )
    protect("api_keys")
    op.create_index(
        "ix_api_keys_owner_id_created_at",
        "api_keys",
        ["owner_id", "created_at", "id"],
        schema=SCHEMA,
    )
    op.create_table(
        "api_keys_addresses",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("first_used_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("last_used_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"],
            [f"{SCHEMA}.api_keys.id"],
            name=op.f("fk_api_keys_addresses_key_id_api_keys"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key_id", "address", name=op.f("pk_api_keys_addresses")),
        schema=SCHEMA,
    )
    protect("api_keys_addresses")


def downgrade() -> None:
    op.drop_table("api_keys_addresses", schema=SCHEMA)
    op.drop_table("api_keys", schema=SCHEMA)
