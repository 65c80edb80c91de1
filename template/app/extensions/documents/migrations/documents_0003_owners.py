"""Accept documents whose owner is not a user; those of a user are still removed with the user.

Revision: documents_0003
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.models import SCHEMA

revision = "documents_0003"
down_revision = "documents_0002"
branch_labels = None
depends_on = None

OWNER = "fk_documents_owner_id_users"
PERSON = "fk_documents_user_id_users"
INDEX = "ix_documents_user_id"


def upgrade() -> None:
    # A row is a whole file, so there are few of them.
    # accepted: require-concurrent-index-creation, the table is short
    # accepted: constraint-missing-not-valid, the table is short
    # accepted: adding-foreign-key-constraint, the table is short
    op.add_column("documents", sa.Column("user_id", sa.Uuid(), nullable=True), schema=SCHEMA)
    op.execute(sa.text(f"UPDATE {SCHEMA}.documents SET user_id = owner_id"))  # noqa: S608 - constants
    op.create_index(INDEX, "documents", ["user_id"], schema=SCHEMA)
    op.create_foreign_key(
        PERSON,
        "documents",
        "users",
        ["user_id"],
        ["id"],
        source_schema=SCHEMA,
        referent_schema=SCHEMA,
        ondelete="CASCADE",
    )
    op.drop_constraint(OWNER, "documents", schema=SCHEMA, type_="foreignkey")


def downgrade() -> None:
    # Documents of other owners stay; Postgres checks new documents only.
    op.create_foreign_key(
        OWNER,
        "documents",
        "users",
        ["owner_id"],
        ["id"],
        source_schema=SCHEMA,
        referent_schema=SCHEMA,
        ondelete="CASCADE",
        postgresql_not_valid=True,
    )
    op.drop_constraint(PERSON, "documents", schema=SCHEMA, type_="foreignkey")
    op.drop_index(INDEX, "documents", schema=SCHEMA)
    op.drop_column("documents", "user_id", schema=SCHEMA)
