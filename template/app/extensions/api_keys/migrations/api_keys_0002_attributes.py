"""Add what other features know about a key.

Revision: api_keys_0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.database.models import SCHEMA

revision = "api_keys_0002"
down_revision = "api_keys_0001"
branch_labels = None
depends_on = ("users_0003",)


def upgrade() -> None:
    op.add_column(
        "api_keys",
        sa.Column("attributes", postgresql.JSONB(), server_default="{}", nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_column("api_keys", "attributes", schema=SCHEMA)
