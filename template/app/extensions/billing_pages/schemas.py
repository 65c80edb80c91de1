"""What the forms of this feature send."""

from pydantic import Field

from app.core.http.schemas import RequestModel
from app.extensions.billing.schemas import Key, Seats


class Subscribe(RequestModel):
    """A checkout of a subscription."""

    seats: Seats | None = None  # the form of a plan that is not paid by the seat has no field
    code: str | None = Field(default=None, max_length=100)


class Change(RequestModel):
    """Another price or number of seats."""

    price: Key
    seats: Seats = 1


class Purchase(RequestModel):
    """Packs to buy."""

    pack: Key
    quantity: int = Field(default=1, ge=1, le=100)
