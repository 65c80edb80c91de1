"""What the row of an entry in the audit log belongs to.

Revision: admin_0002
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.models import SCHEMA

revision = "admin_0002"
down_revision = "admin_0001"
branch_labels = None
depends_on = None

INDEX = "ix_admin_audit_belongs_to_created_at"


def upgrade() -> None:
    # accepted: require-concurrent-index-creation, the column is new, so the index has no rows yet
    op.add_column("admin_audit", sa.Column("belongs_to", sa.Uuid(), nullable=True), schema=SCHEMA)
    op.create_index(
        INDEX,
        "admin_audit",
        ["belongs_to", "created_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("belongs_to IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(INDEX, "admin_audit", schema=SCHEMA)
    op.drop_column("admin_audit", "belongs_to", schema=SCHEMA)
