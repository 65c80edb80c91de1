"""Add tasks.

Revision: core_0002
Revises: core_0001
Created: 2026-11-21 06:42 UTC
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.database.models import SCHEMA
from app.core.migrations.protect import protect

revision = "core_0002"
down_revision = "core_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("arguments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("ordered_by", sa.String(length=200), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "started",
                "success",
                "failure",
                "revoked",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
                schema=SCHEMA,
            ),
            nullable=False,
        ),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress_done", sa.Integer(), nullable=True),
        sa.Column("progress_total", sa.Integer(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("error", sa.String(length=4000), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        schema=SCHEMA,
    )
    protect("tasks")
    op.create_index(
        "ix_tasks_ordered_by",
        "tasks",
        ["ordered_by", "position"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("ordered_by IS NOT NULL AND state IN ('pending', 'started')"),
    )
    op.create_index(
        "ix_tasks_owner_id", "tasks", ["owner_id", "created_at", "id"], unique=False, schema=SCHEMA
    )
    op.create_index(
        "ix_tasks_sent",
        "tasks",
        ["sent_at"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("state IN ('pending', 'started') AND sent_at IS NOT NULL"),
    )
    op.create_index("ix_tasks_state", "tasks", ["state", "ended_at"], unique=False, schema=SCHEMA)
    op.create_index(
        "ix_tasks_unsent",
        "tasks",
        ["due_at"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'pending' AND sent_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_tasks_unsent",
        table_name="tasks",
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'pending' AND sent_at IS NULL"),
    )
    op.drop_index("ix_tasks_state", table_name="tasks", schema=SCHEMA)
    op.drop_index(
        "ix_tasks_sent",
        table_name="tasks",
        schema=SCHEMA,
        postgresql_where=sa.text("state IN ('pending', 'started') AND sent_at IS NOT NULL"),
    )
    op.drop_index("ix_tasks_owner_id", table_name="tasks", schema=SCHEMA)
    op.drop_index(
        "ix_tasks_ordered_by",
        table_name="tasks",
        schema=SCHEMA,
        postgresql_where=sa.text("ordered_by IS NOT NULL AND state IN ('pending', 'started')"),
    )
    op.drop_table("tasks", schema=SCHEMA)
