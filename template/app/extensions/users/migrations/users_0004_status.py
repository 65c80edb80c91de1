"""Add an index with which users are counted by status.

Revision: users_0004
"""

from alembic import op

from app.core.database.models import SCHEMA

revision = "users_0004"
down_revision = "users_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # accepted: require-concurrent-index-creation, the list of users is short enough
    op.create_index("ix_users_status", "users", ["status", "deleted_at"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_index("ix_users_status", table_name="users", schema=SCHEMA)
