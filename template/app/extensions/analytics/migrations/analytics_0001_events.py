"""Consents, and events that wait.

Revision: analytics_0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.database.models import SCHEMA
from app.core.migrations.protect import protect

revision = "analytics_0001"
down_revision = None
branch_labels = ("analytics",)
depends_on = ("core_0001",)


def upgrade() -> None:
    op.create_table(
        "analytics_consents",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_analytics_consents")),
        schema=SCHEMA,
    )
    protect("analytics_consents")
    op.create_table(
        "analytics_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("properties", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("batch", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analytics_events")),
        schema=SCHEMA,
    )
    protect("analytics_events")
    op.create_index(
        "ix_analytics_events_waiting",
        "analytics_events",
        ["id"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("batch IS NULL"),
    )
    op.create_index(
        "ix_analytics_events_batch",
        "analytics_events",
        ["batch"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("batch IS NOT NULL"),
    )
    op.create_index(
        "ix_analytics_events_user_id",
        "analytics_events",
        ["user_id"],
        unique=False,
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("analytics_events", schema=SCHEMA)
    op.drop_table("analytics_consents", schema=SCHEMA)
