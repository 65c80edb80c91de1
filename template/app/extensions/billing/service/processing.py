"""Events of Stripe: stored once when they arrive, and processed by a task.

The event says only what has changed. What it is now is read at Stripe, so an event may come twice,
late, or after a later one.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.logging import get_logger
from app.core.tasks import SkipRunError
from app.extensions.billing.errors import ObjectMissingError
from app.extensions.billing.models import events
from app.extensions.billing.service import books
from app.extensions.billing.service.client import stripe_client
from app.extensions.billing.service.customers import holder_of
from app.extensions.billing.service.reading import Found, read

# What the webhook endpoint subscribes to. Events of other types are not stored.
TYPES = (
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.refunded",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.updated",
    "customer.updated",
    "invoice.finalized",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.updated",
    "invoice.voided",
    "payment_intent.payment_failed",
    "payment_intent.succeeded",
    "radar.early_fraud_warning.created",
    "refund.failed",
    "refund.updated",
)

# Only a draft of an invoice can be deleted; all else that these events are about is kept at Stripe.
DELETABLE = "invoice.updated"
# For so long, what is missing is looked for again: the key may be of another account. With a test
# key, it may really be gone, because all test data can be deleted.
MISSING = timedelta(days=5)
GONE, FOREIGN = "does not exist at Stripe any more", "belongs to no customer of this application"

log = get_logger(__name__)


class _Object(BaseModel):
    id: str | None = Field(default=None, max_length=255)


class _Data(BaseModel):
    object: _Object


class Incoming(BaseModel):
    """What is used of an event that Stripe sends."""

    id: str = Field(max_length=255)
    type: str
    created: int
    livemode: bool
    data: _Data


async def store(session: AsyncSession, event: Incoming) -> bool:
    """Store an event; return whether it is new and has to be processed. Does not commit."""
    if event.type not in TYPES:
        return False
    statement: Any = insert(events).values(
        id=event.id,
        type=event.type,
        object_id=event.data.object.id,
        created_at=datetime.fromtimestamp(event.created, UTC),
        received_at=utcnow(),
    )
    stored = statement.on_conflict_do_nothing().returning(events.c.id)
    return (await session.exec(stored)).one_or_none() is not None


async def process(session: AsyncSession, event_id: str) -> None:
    """Read what an event is about, and write it. The task commits.

    Raises:
        SkipRunError: the event was processed before.
        ObjectMissingError: Stripe does not know what the event is about. The event stays
            unprocessed, and another try may find it.
        app.extensions.billing.errors.StripeUnavailableError: another try may succeed.
    """
    statement: Any = select(events).where(events.c.id == event_id)
    event = (await session.exec(statement)).mappings().one()
    if event["processed_at"]:
        raise SkipRunError
    read_at = await books.now(session)
    async with stripe_client() as client:
        found = await read(client, event["type"], event["object_id"])
        holder_id = await holder_of(session, client, found.customer_id) if found else None
    note = None
    if found is None:
        if event["type"] != DELETABLE and event["received_at"] > utcnow() - MISSING:
            raise ObjectMissingError(event["object_id"])
        note = GONE
    elif holder_id is None:
        note = FOREIGN
    else:
        await write(session, holder_id, found, read_at)
    done = update(events).where(events.c.id == event_id, events.c.processed_at.is_(None))
    await session.exec(done.values(processed_at=utcnow(), note=note))
    log.info("billing_event_processed", id=event_id, type=event["type"], note=note)


async def write(session: AsyncSession, holder_id: Any, found: Found, read_at: datetime) -> None:
    """Write what was found, always in the same order, so that two of it wait for each other."""
    if found.customer:
        await books.write_customer(session, found.customer, read_at)
    if found.subscription:
        await books.write_subscription(session, holder_id, found.subscription, read_at)
    if found.invoice:
        await books.write_invoice(session, holder_id, found.invoice, read_at)
    if found.charge:
        await books.write_returned(session, found.charge, found.returned, read_at)
        if found.fraud:
            await books.warn_of_fraud(session, found.charge)
