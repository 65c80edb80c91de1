"""Request and response models of this feature. Amounts are whole credits."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.core.http.pagination import KeysetQuery
from app.core.http.schemas import (
    MAX_INTEGER,
    BoundedDate,
    PatchModel,
    QueryModel,
    RequestModel,
    ResponseModel,
    UtcDatetime,
)
from app.extensions.credits.models import HoldState, Kind, Unfinished

# Above any realistic balance, and well within BIGINT.
MAX_AMOUNT = 10**15

Amount = Annotated[int, Field(ge=1, le=MAX_AMOUNT)]
Price = Annotated[int, Field(ge=0, le=10**9)]
Operation = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$", max_length=100, examples=["docs.embed"])
]
TierName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40)]
Reason = Annotated[str, Field(min_length=1, max_length=200, description="The owner sees it.")]


class BalanceRead(ResponseModel):
    """The balance of an account."""

    user_id: UUID
    tier: str
    balance: int = Field(description="Credits that can be spent.")
    held: int = Field(description="Credits that are held for work in progress.")
    allowance: int = Field(description="Unspent monthly allocation, part of `balance` and `held`.")
    charges_today: int = Field(description="Counted only if the tier has a limit.")
    daily_charges: int | None = Field(description="Limit of charges a day; null for no limit.")


class TransactionRead(ResponseModel):
    """An entry of the ledger."""

    id: UUID
    user_id: UUID
    position: int = Field(description="Number of the entry in the account, from 1, without gaps.")
    kind: Kind
    amount: int
    balance_after: int
    operation: str | None
    reason: str
    reference: str | None = Field(description="Id of a hold, a month or an order.")
    details: dict[str, Any]
    created_at: datetime


class HoldRead(ResponseModel):
    """Credits that are or were held."""

    id: UUID
    user_id: UUID
    amount: int
    used: int = Field(description="Credits that were taken.")
    state: HoldState
    operation: str | None
    reason: str
    reference: str | None
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None


class RateRead(ResponseModel):
    """The price of an operation: `fixed`, plus `per_unit` for each unit."""

    id: UUID
    operation: str
    tier: str | None = Field(description="Null for all tiers without a rate of their own.")
    fixed: int
    per_unit: int
    unfinished: Unfinished
    valid_from: datetime

    def price(self, units: int) -> int:
        """Return the credits for a number of units.

        Raises:
            ValueError: the number is negative.
        """
        if units < 0:
            raise ValueError(f"The number of units is negative: {units}.")
        return self.fixed + self.per_unit * units


class RateCreate(RequestModel):
    """A new rate; the earlier one applies until it starts."""

    operation: Operation
    tier: TierName | None = Field(
        default=None, description="Null for all tiers without a rate of their own."
    )
    fixed: Price = 0
    per_unit: Price = 0
    unfinished: Unfinished = Field(
        default=Unfinished.RELEASE,
        description="How a charge ends whose process died: `release` or `commit`.",
    )
    valid_from: UtcDatetime | None = Field(default=None, description="Start; default: now.")


class TierRead(ResponseModel):
    """The allocation and the limits of a tier."""

    name: str
    allocation: int
    rollover: int | None
    daily_charges: int | None


class TierUpdate(PatchModel):
    """Changes of a tier; a field that is not sent keeps its value."""

    allocation: int = Field(default=0, ge=0, le=MAX_AMOUNT, description="Credits each month.")
    rollover: int | None = Field(
        default=None,
        ge=0,
        le=MAX_AMOUNT,
        description="Most unspent credits that a month carries over; null for all.",
    )
    daily_charges: int | None = Field(
        default=None, ge=0, le=MAX_INTEGER, description="Limit of charges a day; null for no limit."
    )


class Grant(RequestModel):
    """A grant of credits."""

    amount: Amount
    reason: Reason


class Adjustment(RequestModel):
    """A correction of a balance, up or down."""

    amount: int = Field(
        ge=-MAX_AMOUNT, le=MAX_AMOUNT, description="Not 0.", json_schema_extra={"not": {"const": 0}}
    )
    reason: Reason


class TierChoice(RequestModel):
    """A new tier for an account."""

    tier: TierName


class TransactionFilter(QueryModel):
    """Filters of the entries of a ledger."""

    kind: Kind | None = None
    operation: str | None = Field(default=None, max_length=100)
    since: UtcDatetime | None = None
    until: UtcDatetime | None = Field(default=None, description="Excluded.")


class TransactionQuery(TransactionFilter, KeysetQuery):
    """Filters and page of the entries of a ledger."""


class HoldQuery(KeysetQuery):
    """Filter and page of the holds of an account."""

    state: HoldState | None = None


class Period(StrEnum):
    """The period of a summary."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class SummaryQuery(QueryModel):
    """The time and the period of a summary."""

    period: Period = Period.MONTH
    since: BoundedDate | None = Field(default=None, description="Default: eleven months ago.")
    until: BoundedDate | None = Field(default=None, description="Included; default: today.")


class SummaryRead(ResponseModel):
    """The sum of entries of one kind and operation in one period, without holds and releases."""

    period: date = Field(description="Its first day, in the time zone of this backend.")
    kind: Kind
    operation: str | None
    amount: int
    entries: int
