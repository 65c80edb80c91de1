"""Add users who are programs.

Revision: users_0003
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.models import SCHEMA

revision = "users_0003"
down_revision = "users_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "users",
        sa.Column("machine", sa.Boolean(), server_default=sa.false(), nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_column("users", "machine", schema=SCHEMA)
