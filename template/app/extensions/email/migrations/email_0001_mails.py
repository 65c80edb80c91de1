"""Mails, suppressed addresses and preferences.

Revision: email_0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.database.models import SCHEMA
from app.core.migrations.protect import protect

revision = "email_0001"
down_revision = None
branch_labels = ("email",)
depends_on = ("core_0001",)


def upgrade() -> None:
    op.create_table(
        "email_mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("recipients", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("outcomes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "data", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "sent",
                "partly_sent",
                "failed",
                "suppressed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
                schema=SCHEMA,
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=2000), nullable=True),
        sa.Column("provider_id", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_mails")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_email_mails_idempotency_key")),
        schema=SCHEMA,
    )
    protect("email_mails")
    op.create_index(
        "ix_email_mails_created_at_id",
        "email_mails",
        ["created_at", "id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "email_preferences",
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address", "category", name=op.f("pk_email_preferences")),
        schema=SCHEMA,
    )
    protect("email_preferences")
    op.create_table(
        "email_suppressions",
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "bounce",
                "complaint",
                "manual",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=20,
                schema=SCHEMA,
            ),
            nullable=False,
        ),
        sa.Column("details", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_email_suppressions")),
        schema=SCHEMA,
    )
    protect("email_suppressions")


def downgrade() -> None:
    op.drop_table("email_suppressions", schema=SCHEMA)
    op.drop_table("email_preferences", schema=SCHEMA)
    op.drop_table("email_mails", schema=SCHEMA)
