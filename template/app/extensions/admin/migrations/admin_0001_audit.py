"""Audit log of the admin site.

Revision: admin_0001
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.database.models import SCHEMA
from app.core.migrations.protect import protect

revision = "admin_0001"
down_revision = None
branch_labels = ("admin",)
depends_on = ("core_0001",)


def upgrade() -> None:
    op.create_table(
        "admin_audit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("actor_email", sa.String(length=320), nullable=True),
        sa.Column("action", sa.String(length=50), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=True),
        sa.Column("subject_id", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("before", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("after", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_audit")),
        schema=SCHEMA,
    )
    protect("admin_audit")
    op.create_index(
        "ix_admin_audit_created_at_id", "admin_audit", ["created_at", "id"], schema=SCHEMA
    )
    op.create_index("ix_admin_audit_actor_id", "admin_audit", ["actor_id"], schema=SCHEMA)
    op.create_index("ix_admin_audit_subject_id", "admin_audit", ["subject_id"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_table("admin_audit", schema=SCHEMA)
