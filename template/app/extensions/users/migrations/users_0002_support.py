"""Add the role support.

Revision: users_0002
"""

from alembic import op
from sqlalchemy import column, table, update

from app.core.database.models import SCHEMA

revision = "users_0002"
down_revision = "users_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _allow("'user', 'support', 'admin'")


def downgrade() -> None:
    # Nobody who could only look becomes somebody who can do more.
    users = table("users", column("role"), schema=SCHEMA)
    op.execute(update(users).where(users.c.role == "support").values(role="user"))
    _allow("'user', 'admin'")


def _allow(roles: str) -> None:
    # accepted: constraint-missing-not-valid, a list of users is short enough to be read at once
    op.drop_constraint(op.f("ck_users_role"), "users", schema=SCHEMA)
    op.create_check_constraint(op.f("ck_users_role"), "users", f"role IN ({roles})", schema=SCHEMA)
