"""Request and response models of this feature. Amounts are whole credits."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.core.http.pagination import KeysetQuery
from app.core.http.schemas import PatchModel, RequestModel, ResponseModel
from app.extensions.credits.models import HoldState, Kind, Unfinished

# Far above any balance, far below what the database can count.
MOST = 10**15

Amount = Annotated[int, Field(ge=1, le=MOST)]
Price = Annotated[int, Field(ge=0, le=10**9)]
Operation = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$", max_length=100, examples=["docs.embed"])
]
TierName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40)]
Reason = Annotated[str, Field(min_length=1, max_length=200, description="Told to the owner.")]


class BalanceRead(ResponseModel):
    """What an account has."""

    user_id: UUID
    tier: str
    balance: int = Field(description="What may be spent.")
    held: int = Field(description="What is set aside for usage that has begun.")
    allowance: int = Field(description="Unspent monthly allocation, part of the two.")
    charges_today: int = Field(description="Counted where the tier has a limit.")
    daily_charges: int | None = Field(description="Charges a day, or null without a limit.")


class TransactionRead(ResponseModel):
    """An entry of the ledger."""

    id: UUID
    user_id: UUID
    position: int = Field(description="Within the account, from 1 on, without gaps.")
    kind: Kind
    amount: int
    balance_after: int
    operation: str | None
    reason: str
    reference: str | None = Field(description="Of a hold, a month, an order.")
    details: dict[str, Any]
    created_at: datetime


class HoldRead(ResponseModel):
    """Credits set aside."""

    id: UUID
    user_id: UUID
    amount: int
    used: int = Field(description="What was taken of it in the end.")
    state: HoldState
    operation: str | None
    reason: str
    reference: str | None
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None


class RateRead(ResponseModel):
    """What an operation costs: `fixed` once, and `per_unit` for each unit."""

    id: UUID
    operation: str
    tier: str | None = Field(description="Null for every tier that has no rate of its own.")
    fixed: int
    per_unit: int
    unfinished: Unfinished
    valid_from: datetime

    def price(self, units: int) -> int:
        """Credits for so many units.

        Raises:
            ValueError: a negative number of them.
        """
        if units < 0:
            raise ValueError(f"{units} units cannot be paid for.")
        return self.fixed + self.per_unit * units


class RateCreate(RequestModel):
    """A new rate; the one before counts until then."""

    operation: Operation
    tier: TierName | None = Field(default=None, description="Null for all without one.")
    fixed: Price = 0
    per_unit: Price = 0
    unfinished: Unfinished = Field(
        default=Unfinished.RELEASE,
        description="What becomes of a charge whose process died: `release` or `commit`.",
    )
    valid_from: AwareDatetime | None = Field(default=None, description="Default: now.")


class TierRead(ResponseModel):
    """What accounts of a tier are given and may do."""

    name: str
    allocation: int
    rollover: int | None
    daily_charges: int | None


class TierUpdate(PatchModel):
    """PatchModel of a tier; what is not sent stays."""

    allocation: int = Field(default=0, ge=0, le=MOST, description="Credits each month.")
    rollover: int | None = Field(
        default=None, ge=0, le=MOST, description="Unspent ones that are kept; null for all."
    )
    daily_charges: int | None = Field(
        default=None, ge=0, le=2**31 - 1, description="Null for any number."
    )


class Grant(RequestModel):
    """Credits for somebody."""

    amount: Amount
    reason: Reason


class Adjustment(RequestModel):
    """A correction, up or down."""

    amount: int = Field(
        ge=-MOST, le=MOST, description="Not 0.", json_schema_extra={"not": {"const": 0}}
    )
    reason: Reason


class TierChoice(RequestModel):
    """The tier of an account."""

    tier: TierName


class TransactionFilter(BaseModel):
    """Which entries of the ledger."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind | None = None
    operation: str | None = Field(default=None, max_length=100)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = Field(default=None, description="This moment excluded.")


class TransactionQuery(TransactionFilter, KeysetQuery):
    """Which page of them."""


class HoldQuery(KeysetQuery):
    """Which holds to list."""

    state: HoldState | None = None


class Period(StrEnum):
    """What a summary adds up."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class SummaryQuery(BaseModel):
    """A summary of which time, by which period."""

    model_config = ConfigDict(extra="forbid")

    period: Period = Period.MONTH
    since: date | None = Field(default=None, description="Default: eleven months ago.")
    until: date | None = Field(default=None, description="This day included; default: today.")


class SummaryRead(ResponseModel):
    """One kind of entry, and one operation, in one period. Holds and releases are left out."""

    period: date = Field(description="Its first day, in the time zone of this backend.")
    kind: Kind
    operation: str | None
    amount: int
    entries: int
