"""Tasks of this feature. A task may run twice, also concurrently, with the same result."""

from uuid import UUID

from sqlalchemy import update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.errors import NotFoundError
from app.core.tasks import enqueue, task
from app.extensions.billing.models import events
from app.extensions.billing.service import closing, processing, reconciliation

# With the pauses between them, about two hours. Then an admin replays the event, or the nightly
# reconciliation does.
TRIES = 18


@task(tries=TRIES)
async def process(session: AsyncSession, event_id: str) -> None:
    """Process an event of Stripe."""
    await processing.process(session, event_id)


async def start_processing(session: AsyncSession, event_id: str) -> None:
    """Enqueue the processing of a stored event, in the transaction of the caller."""
    task_id = enqueue(session, process.s(event_id=event_id))
    await session.exec(update(events).where(events.c.id == event_id).values(task_id=task_id))


async def replay(session: AsyncSession, event_id: str) -> None:
    """Process an event again, also one that was processed. Does not commit.

    Raises:
        NotFoundError: it was not stored here.
    """
    known = update(events).where(events.c.id == event_id)
    found = await session.exec(known.values(processed_at=None, note=None))
    if not found.rowcount:
        raise NotFoundError("There is no such event here.", code="event_not_found")
    await start_processing(session, event_id)


@task()
async def start_reconciliation(session: AsyncSession) -> None:
    """Enqueue the reconciliation: an enqueued task is tried again while Stripe is unavailable."""
    if reconciliation.is_possible():
        enqueue(session, reconcile_events.s())
        enqueue(session, reconcile_subscriptions.s())
        enqueue(session, close_deleted.s())


@task()
async def reconcile_events(session: AsyncSession, part: int = 0, after: str | None = None) -> int:
    """Process a page of the events that have not arrived; the result counts them.

    The first page also processes those that arrived and were not processed.
    """
    missed, following = await reconciliation.missed_events(session, part, after)
    left = await reconciliation.unprocessed(session) if (part, after) == (0, None) else ()
    for event_id in (*missed, *left):
        await start_processing(session, event_id)
    if following:
        part, after = following
        enqueue(session, reconcile_events.s(part=part, after=after))
    return len(missed) + len(left)


@task()
async def reconcile_subscriptions(session: AsyncSession, after: str | None = None) -> int:
    """Read a page of all subscriptions anew; the result counts those that were known."""
    count, last = await reconciliation.read_subscriptions(session, after)
    if last:
        enqueue(session, reconcile_subscriptions.s(after=last))
    return count


@task()
async def close_deleted(session: AsyncSession, after: UUID | None = None) -> int:
    """End the subscriptions of holders whose account is gone; the result counts holders."""
    gone, last = await closing.find_gone(session, after)
    for holder_id in gone:
        enqueue(session, close.s(holder_id=holder_id))
    if last:
        enqueue(session, close_deleted.s(after=last))
    return len(gone)


@task(tries=TRIES)
async def close(session: AsyncSession, holder_id: UUID) -> int:
    """End all subscriptions of a holder at once; the result counts them."""
    return await closing.close(session, holder_id)
