"""Compares with Stripe, and finds what no webhook has told."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import stripe
from sqlalchemy import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.logging import get_logger
from app.core.settings import load_settings
from app.extensions.billing.models import events
from app.extensions.billing.service import books
from app.extensions.billing.service.client import stripe_client
from app.extensions.billing.service.customers import holder_of
from app.extensions.billing.service.processing import TYPES, Incoming, store
from app.extensions.billing.settings import BillingSettings

# Stripe repeats a webhook for three days, and lists events of the last thirty.
DAYS = 5
PAGE = 100
# At most twenty types can be asked for in one request.
PARTS = (TYPES[::2], TYPES[1::2])
# Before that, the task that was enqueued when the event arrived is still being tried.
PATIENCE = timedelta(hours=6)

log = get_logger(__name__)


def is_possible() -> bool:
    """Return whether there is a key."""
    return load_settings(BillingSettings).stripe_key is not None


async def missed_events(
    session: AsyncSession, part: int = 0, after: str | None = None
) -> tuple[Sequence[str], tuple[int, str | None] | None]:
    """Store the events of the last days that have not arrived, of one page.

    Args:
        session: for the transaction, which the caller commits.
        part: which of `PARTS` the page is of.
        after: the event after which the page starts.

    Returns:
        their ids, and the part and the event with which the next page starts, if there is one.
    """
    since = int((utcnow() - timedelta(days=DAYS)).timestamp())
    asked: Any = {"types": [*PARTS[part]], "created": {"gte": since}, "limit": PAGE}
    if after:
        asked["starting_after"] = after
    async with stripe_client() as client:
        page = await client.v1.events.list_async(asked)
    # The oldest first: the order does not matter to the books, but it does to people who read logs.
    new = [event.id for event in reversed(page.data) if await store(session, _incoming(event))]
    if new:
        log.warning("billing_events_missed", count=len(new), first=new[0])
    if page.has_more:
        return new, (part, page.data[-1].id)
    return new, (part + 1, None) if part + 1 < len(PARTS) else None


async def unprocessed(session: AsyncSession) -> Sequence[str]:
    """Return the ids of events that arrived, and whose task has failed."""
    waiting: Any = select(events.c.id).where(
        events.c.processed_at.is_(None), events.c.received_at < utcnow() - PATIENCE
    )
    found: Sequence[str] = (await session.exec(waiting)).scalars().all()
    return found


def _incoming(event: stripe.Event) -> Incoming:
    return Incoming.model_validate(event.to_dict(for_json=True))


async def read_subscriptions(session: AsyncSession, after: str | None) -> tuple[int, str | None]:
    """Read one page of all subscriptions, and write those of our customers.

    Returns:
        how many of them are ours, and after which one the next page starts, if there is one.
    """
    read_at = await books.now(session)
    found = []
    async with stripe_client() as client:
        asked: Any = {"status": "all", "limit": PAGE} | ({"starting_after": after} if after else {})
        page = await client.v1.subscriptions.list_async(asked)
        for read in page.data:
            holder_id = await holder_of(session, client, str(read.customer))
            if holder_id:
                found.append((holder_id, read))
    for holder_id, read in found:
        await books.write_subscription(session, holder_id, read, read_at)
    return len(found), page.data[-1].id if page.has_more else None
