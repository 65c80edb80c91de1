"""Accounts, ledger, holds, rates and tiers.

Revision: credits_0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from app.core.database.models import SCHEMA
from app.core.migrations.protect import protect

revision = "credits_0001"
down_revision = None
branch_labels = ("credits",)
depends_on = ("core_0001", "users_0001")

LEDGER = f"{SCHEMA}.credits_transactions"
REFUSE = f"{SCHEMA}.credits_refuse_change"

# The mirror sets `synced_at`, which is not part of the entry.
FUNCTION = f"""
CREATE OR REPLACE FUNCTION {REFUSE}() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'synced_at' = to_jsonb(OLD) - 'synced_at' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The ledger is append-only: write an adjustment.'
        USING ERRCODE = 'restrict_violation';
END $$
"""

# Name, monthly allocation, rollover, daily limit of charges.
TIERS = (
    ("free", 100, 0, 100),
    ("standard", 1_000, 1_000, 1_000),
    ("premium", 10_000, 20_000, 5_000),
    ("enterprise", 100_000, None, 10_000),
)


def upgrade() -> None:
    tiers = op.create_table(
        "credits_tiers",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("allocation", sa.BigInteger(), nullable=False),
        sa.Column("rollover", sa.BigInteger(), nullable=True),
        sa.Column("daily_charges", sa.Integer(), nullable=True),
        sa.CheckConstraint("allocation >= 0", name=op.f("ck_credits_tiers_allocation")),
        sa.CheckConstraint("daily_charges >= 0", name=op.f("ck_credits_tiers_daily_charges")),
        sa.CheckConstraint("rollover >= 0", name=op.f("ck_credits_tiers_rollover")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_credits_tiers")),
        schema=SCHEMA,
    )
    protect("credits_tiers")
    op.create_table(
        "credits_accounts",
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("tier", sa.String(length=40), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("allowance", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("allocated_month", sa.Date(), nullable=True),
        sa.Column("charges_day", sa.Date(), nullable=True),
        sa.Column("charges_today", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "allowance BETWEEN 0 AND balance + held", name=op.f("ck_credits_accounts_allowance")
        ),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_credits_accounts_balance")),
        sa.CheckConstraint("held >= 0", name=op.f("ck_credits_accounts_held")),
        sa.ForeignKeyConstraint(
            ["tier"],
            [f"{SCHEMA}.credits_tiers.name"],
            name=op.f("fk_credits_accounts_tier_credits_tiers"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], [f"{SCHEMA}.users.id"], name=op.f("fk_credits_accounts_user_id_users")
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_credits_accounts")),
        schema=SCHEMA,
    )
    protect("credits_accounts")
    op.create_index(
        "ix_credits_accounts_allocated_month",
        "credits_accounts",
        ["allocated_month"],
        schema=SCHEMA,
    )
    op.create_table(
        "credits_rates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("operation", sa.String(length=100), nullable=False),
        sa.Column("tier", sa.String(length=40), nullable=True),
        sa.Column("fixed", sa.BigInteger(), nullable=False),
        sa.Column("per_unit", sa.BigInteger(), nullable=False),
        sa.Column(
            "unfinished",
            sa.Enum(
                "release",
                "commit",
                name="unfinished",
                native_enum=False,
                create_constraint=True,
                length=20,
                schema=SCHEMA,
            ),
            nullable=False,
        ),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("fixed >= 0", name=op.f("ck_credits_rates_fixed")),
        sa.CheckConstraint("per_unit >= 0", name=op.f("ck_credits_rates_per_unit")),
        sa.ForeignKeyConstraint(
            ["tier"],
            [f"{SCHEMA}.credits_tiers.name"],
            name=op.f("fk_credits_rates_tier_credits_tiers"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credits_rates")),
        sa.UniqueConstraint(
            "operation",
            "tier",
            "valid_from",
            name=op.f("uq_credits_rates_operation_tier_valid_from"),
            postgresql_nulls_not_distinct=True,
        ),
        schema=SCHEMA,
    )
    protect("credits_rates")
    op.create_table(
        "credits_holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "active",
                "committed",
                "released",
                "expired",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
                schema=SCHEMA,
            ),
            nullable=False,
        ),
        sa.Column("operation", sa.String(length=100), nullable=True),
        sa.Column(
            "unfinished",
            sa.Enum(
                "release",
                "commit",
                name="unfinished",
                native_enum=False,
                create_constraint=True,
                length=20,
                schema=SCHEMA,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("idempotency_key", sa.String(length=300), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'active') = (ended_at IS NULL)", name=op.f("ck_credits_holds_ended_at")
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_credits_holds_amount")),
        sa.CheckConstraint("used BETWEEN 0 AND amount", name=op.f("ck_credits_holds_used")),
        sa.ForeignKeyConstraint(
            ["user_id"],
            [f"{SCHEMA}.credits_accounts.user_id"],
            name=op.f("fk_credits_holds_user_id_credits_accounts"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credits_holds")),
        schema=SCHEMA,
    )
    protect("credits_holds")
    op.create_index(
        "ix_credits_holds_active",
        "credits_holds",
        ["expires_at"],
        schema=SCHEMA,
        postgresql_where=text("state = 'active'"),
    )
    op.create_index(
        "ix_credits_holds_user_id_created_at",
        "credits_holds",
        ["user_id", "created_at", "id"],
        schema=SCHEMA,
    )
    op.create_index(
        "uq_credits_holds_user_id_idempotency_key",
        "credits_holds",
        ["user_id", "idempotency_key"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=text("state IN ('active', 'committed')"),
    )
    op.create_table(
        "credits_transactions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "addition",
                "deduction",
                "hold",
                "release",
                "expiry",
                "adjustment",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=20,
                schema=SCHEMA,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("operation", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("idempotency_key", sa.String(length=300), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "CASE kind WHEN 'addition' THEN amount > 0 WHEN 'release' THEN amount >= 0"
            " WHEN 'adjustment' THEN amount <> 0 ELSE amount <= 0 END",
            name=op.f("ck_credits_transactions_sign"),
        ),
        sa.CheckConstraint(
            "balance_after >= 0", name=op.f("ck_credits_transactions_balance_after")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            [f"{SCHEMA}.credits_accounts.user_id"],
            name=op.f("fk_credits_transactions_user_id_credits_accounts"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credits_transactions")),
        sa.UniqueConstraint(
            "user_id",
            "idempotency_key",
            name=op.f("uq_credits_transactions_user_id_idempotency_key"),
        ),
        sa.UniqueConstraint(
            "user_id", "position", name=op.f("uq_credits_transactions_user_id_position")
        ),
        schema=SCHEMA,
    )
    protect("credits_transactions")
    op.create_index(
        "ix_credits_transactions_unsynced",
        "credits_transactions",
        ["id"],
        schema=SCHEMA,
        postgresql_where=text("synced_at IS NULL"),
    )
    op.create_index(
        "ix_credits_transactions_user_id_created_at",
        "credits_transactions",
        ["user_id", "created_at", "id"],
        schema=SCHEMA,
    )
    op.execute(text(FUNCTION))
    op.execute(
        text(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {LEDGER}"
            f" FOR EACH ROW EXECUTE FUNCTION {REFUSE}()"
        )
    )
    op.execute(
        text(
            f"CREATE TRIGGER no_truncate BEFORE TRUNCATE ON {LEDGER}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {REFUSE}()"
        )
    )
    names = ("name", "allocation", "rollover", "daily_charges")
    op.bulk_insert(tiers, [dict(zip(names, tier, strict=True)) for tier in TIERS])


def downgrade() -> None:
    for table in ("transactions", "holds", "rates", "accounts", "tiers"):
        op.drop_table(f"credits_{table}", schema=SCHEMA)
    op.execute(text(f"DROP FUNCTION IF EXISTS {REFUSE}()"))
