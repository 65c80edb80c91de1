"""Credits of invoices.

Revision: billing_credits_0001
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.models import SCHEMA
from app.core.migrations.protect import protect

revision = "billing_credits_0001"
down_revision = None
branch_labels = ("billing_credits",)
depends_on = ("core_0001",)


def upgrade() -> None:
    op.create_table(
        "billing_credits_invoices",
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("owed", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("granted >= 0", name=op.f("ck_billing_credits_invoices_granted")),
        sa.CheckConstraint(
            "due BETWEEN 0 AND granted", name=op.f("ck_billing_credits_invoices_due")
        ),
        sa.CheckConstraint(
            "taken BETWEEN 0 AND due", name=op.f("ck_billing_credits_invoices_taken")
        ),
        sa.CheckConstraint("owed >= 0", name=op.f("ck_billing_credits_invoices_owed")),
        sa.PrimaryKeyConstraint("invoice_id", name=op.f("pk_billing_credits_invoices")),
        schema=SCHEMA,
    )
    protect("billing_credits_invoices")
    op.create_index(
        "ix_billing_credits_invoices_owed",
        "billing_credits_invoices",
        ["holder_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("owed > 0"),
    )


def downgrade() -> None:
    op.drop_table("billing_credits_invoices", schema=SCHEMA)
