"""Tasks of this feature. A task may run twice, with the same result."""

from datetime import timedelta
from uuid import UUID

from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.logging import get_logger
from app.core.settings import load_settings
from app.core.tasks import SkipRunError, enqueue, task
from app.core.tasks.loop import process_database
from app.extensions.analytics.service import delivery, outage, posthog
from app.extensions.analytics.settings import AnalyticsSettings

# Pauses grow to ten minutes, see `core.tasks.records`: all tries take about three hours.
TRIES = 24
MOST = 20  # batches that one run of `flush` starts
PERSONS = 100  # in one request
DAYS = 30
# An event on its way would create the person again.
LATER = timedelta(minutes=1)

log = get_logger(__name__)


@task()
def flush(session: Session) -> int:
    """Start the delivery of the waiting events; the result counts batches.

    While PostHog does not answer, the events wait: the tasks that there are try it again.
    """
    if outage.is_known():
        raise SkipRunError
    for started in range(MOST):
        batch = delivery.next_batch(session)
        if batch is None:
            return started
        enqueue(session, deliver.s(batch=batch))
    return MOST


@task(tries=TRIES)
async def deliver(session: AsyncSession, batch: UUID) -> int:
    """Send a batch of events to PostHog; the result counts them."""
    outage.check()
    settings = load_settings(AnalyticsSettings)
    try:
        sent = await delivery.deliver(session, process_database().reader, settings, batch)
    except posthog.PostHogError:
        outage.begin()
        raise
    outage.end()
    return sent


@task()
async def forget_deleted(session: AsyncSession) -> None:
    """Delete what is kept about users whose account is gone, also at PostHog."""
    gone = await delivery.take_deleted(session, process_database().reader)
    for start in range(0, len(gone), PERSONS):
        enqueue(session, forget.s(user_ids=gone[start : start + PERSONS]), delay=LATER)
    if not gone:
        raise SkipRunError


@task(tries=TRIES)
async def forget(user_ids: list[UUID]) -> None:
    """Delete persons at PostHog, with their events."""
    await posthog.delete_persons(load_settings(AnalyticsSettings), [*map(str, user_ids)])


@task()
def delete_stale(session: Session) -> None:
    """Delete events that nobody has retried for a month."""
    if deleted := delivery.delete_stale(session, DAYS):
        log.warning("analytics_events_deleted", events=deleted, older_than_days=DAYS)
