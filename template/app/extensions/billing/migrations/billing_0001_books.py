"""Customers, subscriptions, invoices and their lines, and events.

Revision: billing_0001
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.models import SCHEMA
from app.core.migrations.protect import protect

revision = "billing_0001"
down_revision = None
branch_labels = ("billing",)
depends_on = ("core_0001",)


def upgrade() -> None:
    op.create_table(
        "billing_customers",
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=512), nullable=True),
        sa.Column("delinquent", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("holder_id", name=op.f("pk_billing_customers")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_billing_customers_stripe_id")),
        schema=SCHEMA,
    )
    protect("billing_customers")
    op.create_table(
        "billing_subscriptions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("price", sa.String(length=80), nullable=True),
        sa.Column("item", sa.String(length=255), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("interval", sa.String(length=10), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trial_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_at_period_end", sa.Boolean(), nullable=False),
        sa.Column("cancel_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unpaid_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["holder_id"],
            [f"{SCHEMA}.billing_customers.holder_id"],
            name=op.f("fk_billing_subscriptions_holder_id_billing_customers"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_subscriptions")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_billing_subscriptions_stripe_id")),
        schema=SCHEMA,
    )
    protect("billing_subscriptions")
    op.create_index(
        op.f("ix_billing_subscriptions_holder_id"),
        "billing_subscriptions",
        ["holder_id"],
        schema=SCHEMA,
    )
    op.create_table(
        "billing_invoices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("subscription", sa.String(length=255), nullable=True),
        sa.Column("number", sa.String(length=100), nullable=True),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("payment_intent", sa.String(length=255), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("page_url", sa.String(length=2000), nullable=True),
        sa.Column("pdf_url", sa.String(length=2000), nullable=True),
        sa.Column("fraud_warning", sa.Boolean(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("returned >= 0", name=op.f("ck_billing_invoices_returned")),
        sa.ForeignKeyConstraint(
            ["holder_id"],
            [f"{SCHEMA}.billing_customers.holder_id"],
            name=op.f("fk_billing_invoices_holder_id_billing_customers"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_invoices")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_billing_invoices_stripe_id")),
        schema=SCHEMA,
    )
    protect("billing_invoices")
    op.create_index(
        "ix_billing_invoices_holder_id",
        "billing_invoices",
        ["holder_id", "created_at", "id"],
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_billing_invoices_payment_intent"),
        "billing_invoices",
        ["payment_intent"],
        schema=SCHEMA,
    )
    op.create_table(
        "billing_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("price", sa.String(length=80), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("unit_amount", sa.BigInteger(), nullable=False),
        sa.Column("proration", sa.Boolean(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["invoice_id"],
            [f"{SCHEMA}.billing_invoices.id"],
            name=op.f("fk_billing_lines_invoice_id_billing_invoices"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_lines")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_billing_lines_stripe_id")),
        schema=SCHEMA,
    )
    protect("billing_lines")
    op.create_index(
        op.f("ix_billing_lines_invoice_id"), "billing_lines", ["invoice_id"], schema=SCHEMA
    )
    op.create_table(
        "billing_events",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=100), nullable=False),
        sa.Column("object_id", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_events")),
        schema=SCHEMA,
    )
    protect("billing_events")
    op.create_index(
        "ix_billing_events_unprocessed",
        "billing_events",
        ["received_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("processed_at IS NULL"),
    )


def downgrade() -> None:
    for table in ("events", "lines", "invoices", "subscriptions", "customers"):
        op.drop_table(f"billing_{table}", schema=SCHEMA)
