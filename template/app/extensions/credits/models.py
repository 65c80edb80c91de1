"""Tables of this feature. Amounts are integers, because sums of fractions can be inexact."""

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
    """The kinds of entries in the ledger, with the sign of their amounts."""

    ADDITION = "addition"  # +: a grant or a monthly allocation
    DEDUCTION = "deduction"  # -: a payment
    HOLD = "hold"  # -: credits held for work in progress
    RELEASE = "release"  # +: credits of a hold that has ended
    EXPIRY = "expiry"  # -: unspent allocation that the tier does not carry over
    ADJUSTMENT = "adjustment"  # + or -: a correction by an admin


class HoldState(StrEnum):
    """The states of a hold. It leaves `active` exactly once."""

    ACTIVE = "active"
    COMMITTED = "committed"
    RELEASED = "released"
    EXPIRED = "expired"


class Unfinished(StrEnum):
    """How a charge ends whose process died before the work ended."""

    RELEASE = "release"
    COMMIT = "commit"


class Tier(Model, table=True):
    """A tier: the allocation and the limits of its accounts. Admins edit it."""

    __tablename__ = "credits_tiers"
    __table_args__ = (
        CheckConstraint("allocation >= 0", name="allocation"),
        CheckConstraint("rollover >= 0", name="rollover"),
        CheckConstraint("daily_charges >= 0", name="daily_charges"),
    )

    name: str = Field(max_length=40, primary_key=True)
    allocation: int = Field(sa_type=BigInteger)  # each month
    # The most unspent allocation that the next month carries over; null for all.
    rollover: int | None = Field(default=None, sa_type=BigInteger)
    # The limit of charges that begin on one day; null for no limit.
    daily_charges: int | None = None


class Account(Timestamps, Model, table=True):
    """An account. A transaction locks it before it changes it, its entries or holds."""

    __tablename__ = "credits_accounts"
    __table_args__ = (
        CheckConstraint("balance >= 0", name="balance"),
        CheckConstraint("held >= 0", name="held"),
        CheckConstraint("allowance BETWEEN 0 AND balance + held", name="allowance"),
        Index("ix_credits_accounts_allocated_month", "allocated_month"),
    )

    # The holder: a user, or what another feature says, see `service.holders`. It is no foreign key,
    # because the ledger is kept when the row of the holder is deleted.
    user_id: UUID = Field(primary_key=True)
    tier: str = Field(max_length=40, foreign_key=f"{SCHEMA}.credits_tiers.name")
    balance: int = Field(default=0, sa_type=BigInteger)  # the sum of the ledger; can be spent
    held: int = Field(default=0, sa_type=BigInteger)  # the sum of the active holds
    allowance: int = Field(default=0, sa_type=BigInteger)  # unspent allocation, part of both
    entries: int = Field(default=0, sa_type=BigInteger)  # number of entries, the last position
    allocated_month: date | None = None  # first day of the month of the last allocation
    charges_day: date | None = None
    charges_today: int = 0  # on `charges_day`


class Transaction(UUIDKey, Model, table=True):
    """An entry of the ledger. A trigger rejects changes and deletions."""

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
    # The clock of the database, read while the account is locked: the order equals `position`.
    created_at: datetime | None = Field(
        default=None, nullable=False, sa_column_kwargs={"server_default": func.clock_timestamp()}
    )
    synced_at: datetime | None = None  # when the mirror received it


_OPEN_OR_PAID = text("state IN ('active', 'committed')")


class Hold(UUIDKey, Model, table=True):
    """Credits that are held. A hold with an operation is a charge."""

    __tablename__ = "credits_holds"
    __table_args__ = (
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("used BETWEEN 0 AND amount", name="used"),
        CheckConstraint("(state = 'active') = (ended_at IS NULL)", name="ended_at"),
        # After a release, the same key can start a new charge.
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
    fingerprint: str | None = Field(default=None, max_length=64)  # of the request that sent the key
    created_at: datetime = Field(default_factory=utcnow)
    expires_at: datetime
    ended_at: datetime | None = None


class Rate(UUIDKey, Model, table=True):
    """The price of an operation from `valid_from` until the start of a later rate."""

    __tablename__ = "credits_rates"
    __table_args__ = (
        UniqueConstraint("operation", "tier", "valid_from", postgresql_nulls_not_distinct=True),
        CheckConstraint("fixed >= 0", name="fixed"),
        CheckConstraint("per_unit >= 0", name="per_unit"),
    )

    operation: str = Field(max_length=100)
    # Null for all tiers without a rate of their own.
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


# The tables, for statements: entities in memory would not see changes of other transactions.
tiers, accounts, transactions = _table(Tier), _table(Account), _table(Transaction)
holds, rates = _table(Hold), _table(Rate)
