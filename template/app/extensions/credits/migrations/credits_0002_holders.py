"""Accept accounts whose holder is not a user; the ledger of a deleted user is kept.

Revision: credits_0002
"""

from alembic import op

from app.core.database.models import SCHEMA

revision = "credits_0002"
down_revision = "credits_0001"
branch_labels = None
depends_on = None

KEY = "fk_credits_accounts_user_id_users"


def upgrade() -> None:
    op.drop_constraint(KEY, "credits_accounts", schema=SCHEMA, type_="foreignkey")


def downgrade() -> None:
    # Accounts of other holders stay; Postgres checks new accounts only.
    op.create_foreign_key(
        KEY,
        "credits_accounts",
        "users",
        ["user_id"],
        ["id"],
        source_schema=SCHEMA,
        referent_schema=SCHEMA,
        postgresql_not_valid=True,
    )
