"""Tables of this feature. Amounts are whole credits: integers add up, fractions may not."""

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import class_mapper
from sqlmodel import Field

from app.core.database.models import SCHEMA, Model, Timestamps, UUIDKey, text_enum, utcnow

if TYPE_CHECKING:
    from sqlalchemy import Table


class Kind(StrEnum):
    """What an entry of the ledger does to the balance."""

    ADDITION = "addition"  # + a grant, a monthly allocation
    DEDUCTION = "deduction"  # - usage
    HOLD = "hold"  # - set aside for usage that has begun
    RELEASE = "release"  # + a hold that has ended
    EXPIRY = "expiry"  # - unspent allocation that its tier does not carry over
    ADJUSTMENT = "adjustment"  # + or -, a correction by an admin


class HoldState(StrEnum):
    """Where a hold stands. It leaves `active` once."""

    ACTIVE = "active"
    COMMITTED = "committed"
    RELEASED = "released"
    EXPIRED = "expired"


class Unfinished(StrEnum):
    """What becomes of a charge whose process died before it could say how it went."""

    RELEASE = "release"
    COMMIT = "commit"


class Tier(Model, table=True):
    """What an account of this tier is given and may do; edited by admins."""

    __tablename__ = "credits_tiers"
    __table_args__ = (
        CheckConstraint("allocation >= 0", name="allocation"),
        CheckConstraint("rollover >= 0", name="rollover"),
        CheckConstraint("daily_charges >= 0", name="daily_charges"),
    )

    name: str = Field(max_length=40, primary_key=True)
    allocation: int = Field(sa_type=BigInteger)  # each month
    # How much unspent allocation the next month begins with; null for all.
    rollover: int | None = Field(default=None, sa_type=BigInteger)
    # How many charges may begin on one day; null for any number.
    daily_charges: int | None = None


class Account(Timestamps, Model, table=True):
    """What one user has. Whoever changes it, or a row below it, locks it first."""

    __tablename__ = "credits_accounts"
    __table_args__ = (
        CheckConstraint("balance >= 0", name="balance"),
        CheckConstraint("held >= 0", name="held"),
        CheckConstraint("allowance BETWEEN 0 AND balance + held", name="allowance"),
        Index("ix_credits_accounts_allocated_month", "allocated_month"),
    )

    # Without a cascade: what was paid stays on the books.
    user_id: UUID = Field(primary_key=True, foreign_key=f"{SCHEMA}.users.id")
    tier: str = Field(max_length=40, foreign_key=f"{SCHEMA}.credits_tiers.name")
    balance: int = Field(default=0, sa_type=BigInteger)  # may be spent; the sum of the ledger
    held: int = Field(default=0, sa_type=BigInteger)  # the sum of the active holds
    allowance: int = Field(default=0, sa_type=BigInteger)  # unspent allocation, within the two
    entries: int = Field(default=0, sa_type=BigInteger)  # of the ledger: the last position
    allocated_month: date | None = None  # its first day
    charges_day: date | None = None
    charges_today: int = 0  # on `charges_day`


class Transaction(UUIDKey, Model, table=True):
    """An entry of the ledger. A trigger refuses to change or delete it."""

    __tablename__ = "credits_transactions"
    __table_args__ = (
        UniqueConstraint("user_id", "position"),
        UniqueConstraint("user_id", "idempotency_key"),
        CheckConstraint(
            "CASE kind WHEN 'addition' THEN amount > 0 WHEN 'release' THEN amount >= 0"
            " WHEN 'adjustment' THEN amount <> 0 ELSE amount <= 0 END",
            name="sign",
        ),
        CheckConstraint("balance_after >= 0", name="balance_after"),
        Index("ix_credits_transactions_user_id_created_at", "user_id", "created_at", "id"),
        Index("ix_credits_transactions_unsynced", "id", postgresql_where=text("synced_at IS NULL")),
    )

    user_id: UUID = Field(foreign_key=f"{SCHEMA}.credits_accounts.user_id")
    position: int = Field(sa_type=BigInteger)  # within the account, without gaps
    kind: Kind = Field(sa_type=text_enum(Kind, "kind"))
    amount: int = Field(sa_type=BigInteger)
    balance_after: int = Field(sa_type=BigInteger)
    operation: str | None = Field(default=None, max_length=100)
    reason: str = Field(max_length=200)
    reference: str | None = Field(default=None, max_length=200)
    idempotency_key: str | None = Field(default=None, max_length=300)
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    # By the clock of the database while the account is locked: in the order of `position`.
    created_at: datetime | None = Field(
        default=None, nullable=False, sa_column_kwargs={"server_default": func.clock_timestamp()}
    )
    synced_at: datetime | None = None  # when the mirror took it


_OPEN_OR_PAID = text("state IN ('active', 'committed')")


class Hold(UUIDKey, Model, table=True):
    """Credits set aside. With an operation it is a charge: usage that has begun."""

    __tablename__ = "credits_holds"
    __table_args__ = (
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("used BETWEEN 0 AND amount", name="used"),
        CheckConstraint("(state = 'active') = (ended_at IS NULL)", name="ended_at"),
        # A released charge may be tried again under its key.
        Index(
            "uq_credits_holds_user_id_idempotency_key",
            "user_id",
            "idempotency_key",
            unique=True,
            postgresql_where=_OPEN_OR_PAID,
        ),
        Index("ix_credits_holds_user_id_created_at", "user_id", "created_at", "id"),
        Index("ix_credits_holds_active", "expires_at", postgresql_where=text("state = 'active'")),
    )

    user_id: UUID = Field(foreign_key=f"{SCHEMA}.credits_accounts.user_id")
    amount: int = Field(sa_type=BigInteger)
    used: int = Field(default=0, sa_type=BigInteger)
    state: HoldState = Field(default=HoldState.ACTIVE, sa_type=text_enum(HoldState, "state"))
    operation: str | None = Field(default=None, max_length=100)
    unfinished: Unfinished = Field(
        default=Unfinished.RELEASE, sa_type=text_enum(Unfinished, "unfinished")
    )
    reason: str = Field(max_length=200)
    reference: str | None = Field(default=None, max_length=200)
    idempotency_key: str | None = Field(default=None, max_length=300)
    fingerprint: str | None = Field(default=None, max_length=64)  # of the request behind the key
    created_at: datetime = Field(default_factory=utcnow)
    expires_at: datetime
    ended_at: datetime | None = None


class Rate(UUIDKey, Model, table=True):
    """What an operation costs from some moment on, until a later row takes over."""

    __tablename__ = "credits_rates"
    __table_args__ = (
        UniqueConstraint("operation", "tier", "valid_from", postgresql_nulls_not_distinct=True),
        CheckConstraint("fixed >= 0", name="fixed"),
        CheckConstraint("per_unit >= 0", name="per_unit"),
    )

    operation: str = Field(max_length=100)
    # Null for every tier that has no rate of its own.
    tier: str | None = Field(
        default=None, max_length=40, foreign_key=f"{SCHEMA}.credits_tiers.name"
    )
    fixed: int = Field(default=0, sa_type=BigInteger)
    per_unit: int = Field(default=0, sa_type=BigInteger)
    unfinished: Unfinished = Field(
        default=Unfinished.RELEASE, sa_type=text_enum(Unfinished, "unfinished")
    )
    valid_from: datetime = Field(default_factory=utcnow)


def _table(model: type[Model]) -> "Table":
    return cast("Table", class_mapper(model).local_table)


# The tables behind them: statements on rows that others change want no entities in memory.
tiers, accounts, transactions = _table(Tier), _table(Account), _table(Transaction)
holds, rates = _table(Hold), _table(Rate)
