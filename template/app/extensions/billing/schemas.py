"""Request and response models of this feature."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.core.http.pagination import KeysetQuery
from app.core.http.schemas import PatchModel, RequestModel, ResponseModel

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}$", examples=["pro_monthly"])]
Seats = Annotated[int, Field(ge=1, le=100_000)]


class PriceRead(ResponseModel):
    """A price, in the smallest unit of the currency."""

    key: str
    amount: int
    currency: str
    interval: str


class PlanRead(ResponseModel):
    """A plan of the catalogue."""

    key: str
    name: str
    description: str
    features: list[str]
    trial_days: int
    max_seats: int
    prices: list[PriceRead]


class PackRead(ResponseModel):
    """A pack of the catalogue."""

    key: str
    name: str
    description: str
    amount: int
    currency: str


class CatalogueRead(ResponseModel):
    """What can be bought."""

    plans: list[PlanRead]
    packs: list[PackRead]


class SubscriptionRead(ResponseModel):
    """The plan of the caller, and the subscription that it comes from."""

    plan: str
    features: list[str]
    status: str | None = Field(description="That of Stripe; null without a subscription.")
    price: str | None
    seats: int
    amount: int | None = Field(
        description="What is paid for a seat and interval: whoever subscribed before a price was "
        "changed keeps the old amount."
    )
    currency: str | None
    interval: str | None
    period_end: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    grace_until: datetime | None = Field(
        description="The last payment has failed and is retried; the plan stays until then."
    )


class SubscribeRequest(RequestModel):
    """A subscription to start."""

    price: Key
    seats: Seats = 1
    code: str | None = Field(default=None, max_length=100, description="A promotion code.")


class PurchaseRequest(RequestModel):
    """Packs to buy."""

    pack: Key
    quantity: int = Field(default=1, ge=1, le=100)


class ChangeRequest(PatchModel):
    """Another price or number of seats."""

    price: Key | None = None
    seats: Seats | None = None


class PageRead(ResponseModel):
    """A page of Stripe, to which the browser goes now."""

    url: str


class PreviewLine(ResponseModel):
    """A line of an invoice that a change would make."""

    description: str
    amount: int


class ChangePreview(ResponseModel):
    """What a change costs; a negative total is credited to later invoices."""

    amount_due: int
    total: int
    currency: str
    lines: list[PreviewLine]


class InvoiceRead(ResponseModel):
    """An invoice."""

    id: UUID
    number: str | None
    status: str
    currency: str
    total: int
    paid: int
    returned: int
    page_url: str | None
    pdf_url: str | None
    created_at: datetime


class InvoiceQuery(KeysetQuery):
    """Which invoices to list."""
