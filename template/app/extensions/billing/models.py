"""Tables of this feature: what Stripe has, as it was read last.

Stripe is right wherever the two differ. Each row carries `read_at`, the time at which its values
began to be read there, and values that were read earlier do not replace it. So the order in which
events arrive does not matter. Statuses are Stripe's own texts, to which it may add others.
"""

from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.orm import class_mapper
from sqlmodel import Field

from app.core.database.models import SCHEMA, Model, Timestamps, UUIDKey, utcnow

if TYPE_CHECKING:
    from sqlalchemy import Table


class Customer(Timestamps, Model, table=True):
    """Who pays. It is no foreign key, because the books are kept when the holder is deleted."""

    __tablename__ = "billing_customers"

    holder_id: UUID = Field(primary_key=True)  # a user, or what `service.holders` knows
    stripe_id: str = Field(max_length=255, unique=True)
    email: str | None = Field(default=None, max_length=512)
    delinquent: bool = False  # the last payment has failed
    deleted_at: datetime | None = None  # at Stripe; the next checkout creates another one
    closed_at: datetime | None = None  # the holder is gone, and all subscriptions were ended
    read_at: datetime = Field(default_factory=utcnow)


class Subscription(UUIDKey, Model, table=True):
    """A subscription."""

    __tablename__ = "billing_subscriptions"

    stripe_id: str = Field(max_length=255, unique=True)
    holder_id: UUID = Field(foreign_key=f"{SCHEMA}.billing_customers.holder_id", index=True)
    status: str = Field(max_length=40)
    price: str | None = Field(default=None, max_length=80)  # the key in the catalogue
    item: str = Field(max_length=255)  # id of its item at Stripe
    seats: int = 1
    amount: int = Field(sa_type=BigInteger)  # for one seat and interval
    currency: str = Field(max_length=3)
    interval: str = Field(max_length=10)
    period_start: datetime
    period_end: datetime
    trial_end: datetime | None = None
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = None
    ended_at: datetime | None = None
    # Since when a payment is retried, as far as we know.
    unpaid_since: datetime | None = None
    created_at: datetime
    read_at: datetime


class Invoice(UUIDKey, Model, table=True):
    """An invoice: of a subscription, or of a pack."""

    __tablename__ = "billing_invoices"
    __table_args__ = (
        CheckConstraint("returned >= 0", name="returned"),
        Index("ix_billing_invoices_holder_id", "holder_id", "created_at", "id"),
    )

    stripe_id: str = Field(max_length=255, unique=True)
    holder_id: UUID = Field(foreign_key=f"{SCHEMA}.billing_customers.holder_id")
    subscription: str | None = Field(default=None, max_length=255)
    number: str | None = Field(default=None, max_length=100)
    status: str = Field(max_length=40)
    currency: str = Field(max_length=3)
    total: int = Field(sa_type=BigInteger)
    paid: int = Field(sa_type=BigInteger)
    # What was refunded, or is disputed and not won; an inquiry takes nothing.
    returned: int = Field(default=0, sa_type=BigInteger)
    returned_at: datetime | None = None  # when that was read
    payment_intent: str | None = Field(default=None, max_length=255, index=True)
    attempts: int = 0  # of the payment
    next_attempt_at: datetime | None = None
    page_url: str | None = Field(default=None, max_length=2000)
    pdf_url: str | None = Field(default=None, max_length=2000)
    fraud_warning: bool = False  # the bank of the payer says so
    settled_at: datetime | None = None  # when `billing.invoice_paid` was reported, once
    created_at: datetime
    read_at: datetime


class Line(UUIDKey, Model, table=True):
    """A line of a paid invoice; it does not change any more."""

    __tablename__ = "billing_lines"

    stripe_id: str = Field(max_length=255, unique=True)
    invoice_id: UUID = Field(foreign_key=f"{SCHEMA}.billing_invoices.id", index=True)
    price: str | None = Field(default=None, max_length=80)  # the key in the catalogue
    quantity: int
    # Before discounts and taxes; negative for the unused time of the price before a change.
    amount: int = Field(sa_type=BigInteger)
    unit_amount: int = Field(sa_type=BigInteger)  # for one seat and a whole interval
    proration: bool = False
    period_start: datetime
    period_end: datetime


class Event(Model, table=True):
    """An event that Stripe has sent, once under its id. It is kept without its content."""

    __tablename__ = "billing_events"
    __table_args__ = (
        Index(
            "ix_billing_events_unprocessed",
            "received_at",
            postgresql_where=text("processed_at IS NULL"),
        ),
    )

    id: str = Field(max_length=255, primary_key=True)
    type: str = Field(max_length=100)
    object_id: str = Field(max_length=255)
    created_at: datetime  # at Stripe
    received_at: datetime = Field(default_factory=utcnow)
    processed_at: datetime | None = None
    task_id: UUID | None = None
    note: str | None = Field(default=None, max_length=200)


def _table(model: type[Model]) -> "Table":
    return cast("Table", class_mapper(model).local_table)


# The tables, for statements.
customers, subscriptions, invoices = _table(Customer), _table(Subscription), _table(Invoice)
lines, events = _table(Line), _table(Event)
