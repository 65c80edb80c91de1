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
# Before that, the task that was enqueued when the event arrived is still being tried.
PATIENCE = timedelta(hours=6)

log = get_logger(__name__)


def is_possible() -> bool:
    """Return whether there is a key."""
    return load_settings(BillingSettings).stripe_key is not None


async def missed_events(session: AsyncSession) -> Sequence[str]:
    """Store the events of the last days that have not arrived.

    Returns:
        their ids, and those of events that arrived and were not processed.
    """
    since = int((utcnow() - timedelta(days=DAYS)).timestamp())
    listed: list[Incoming] = []
    async with stripe_client() as client:
        # At most twenty types can be asked for in one request.
        for types in (TYPES[::2], TYPES[1::2]):
            asked: Any = {"types": [*types], "created": {"gte": since}, "limit": PAGE}
            page = await client.v1.events.list_async(asked)
            listed += [_incoming(event) async for event in page.auto_paging_iter()]
    # The oldest first: the order does not matter to the books, but it does to people who read logs.
    ordered = sorted(listed, key=lambda event: event.created)
    new = [event.id for event in ordered if await store(session, event)]
    if new:
        log.warning("billing_events_missed", count=len(new), first=new[0])
    waiting: Any = select(events.c.id).where(
        events.c.processed_at.is_(None), events.c.received_at < utcnow() - PATIENCE
    )
    left: Sequence[str] = (await session.exec(waiting)).scalars().all()
    return [*new, *left]


def _incoming(event: stripe.Event) -> Incoming:
    """Keep what is used: a whole event is large, and there may be many."""
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
