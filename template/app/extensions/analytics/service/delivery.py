"""Sends what waits, and forgets who is gone."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlmodel
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session
from sqlmodel.ext.asyncio.session import AsyncSession
from uuid_utils.compat import uuid7

from app.core.database import Reader
from app.core.logging import get_logger
from app.core.tasks import TaskError
from app.extensions.analytics.models import Consent, consents, events
from app.extensions.analytics.service import posthog
from app.extensions.analytics.settings import AnalyticsSettings
from app.extensions.users.schemas import UserRead
from app.extensions.users.service import get_many

BATCH = 100  # events in one request
USERS = 500  # consents that are compared with the users at once

log = get_logger(__name__)


def next_batch(session: Session) -> UUID | None:
    """Give the oldest waiting events a batch, and return it; None if no event waits."""
    batch = uuid7()
    waiting = (
        select(events.c.id)
        .where(events.c.batch.is_(None))
        .order_by(events.c.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    found = session.connection().execute(
        update(events).where(events.c.id.in_(waiting)).values(batch=batch).returning(events.c.id)
    )
    return batch if found.all() else None


async def deliver(
    session: AsyncSession, reader: Reader, settings: AnalyticsSettings, batch: UUID
) -> int:
    """Send a batch and delete its events; return how many were sent. The task commits.

    Raises:
        PostHogError: another try may succeed.
        TaskError: PostHog refuses the events. They wait for a retry of the task.
    """
    agreed: Any = (
        select(events)
        .join(consents, (consents.c.user_id == events.c.user_id) & consents.c.given)
        .where(events.c.batch == batch)
        .order_by(events.c.id)
    )
    rows = (await session.exec(agreed)).mappings().all()
    await session.rollback()  # no connection is held during the request
    if rows:
        people: dict[UUID, UserRead] = {}
        if settings.person_properties:
            people = await get_many(reader, [*{row["user_id"] for row in rows}])
        payload = [_payload(row, settings, people.get(row["user_id"])) for row in rows]
        try:
            await posthog.send(settings, payload)
        except TaskError as refused:
            log.error("analytics_refused", batch=str(batch), events=len(rows), reason=str(refused))
            raise
    await session.exec(delete(events).where(events.c.batch == batch))
    return len(rows)


def _payload(
    row: Mapping[Any, Any], settings: AnalyticsSettings, person: UserRead | None
) -> dict[str, Any]:
    properties: dict[str, Any] = {
        **row["properties"],
        # The address of the request is that of a worker.
        "$geoip_disable": True,
        "$lib": "backend",
    }
    if person:
        known = {name: getattr(person, name) for name in settings.person_properties}
        properties["$set"] = {name: value for name, value in known.items() if value}
    return {
        "uuid": str(row["id"]),
        "event": row["name"],
        "distinct_id": str(row["user_id"]),
        "timestamp": row["created_at"].isoformat(),
        "properties": properties,
    }


async def take_deleted(session: AsyncSession, reader: Reader) -> list[UUID]:
    """Delete what is kept about users whose account is gone, and return their ids."""
    gone: list[UUID] = []
    last: UUID | None = None
    while ids := await _consents_after(session, last):
        last = ids[-1]
        users = await get_many(reader, ids)
        found = [each for each in ids if each not in users or users[each].deleted_at]
        if found:
            for table in (events, consents):
                await session.exec(delete(table).where(table.c.user_id.in_(found)))
        gone += found
    return gone


async def _consents_after(session: AsyncSession, last: UUID | None) -> Sequence[UUID]:
    statement = sqlmodel.select(Consent.user_id).order_by(consents.c.user_id).limit(USERS)
    if last:
        statement = statement.where(consents.c.user_id > last)
    return (await session.exec(statement)).all()


def delete_stale(session: Session, days: int) -> int:
    """Delete events that could not be sent for some days; return their number."""
    before = func.now() - func.make_interval(0, 0, 0, days)
    found = session.connection().execute(
        delete(events).where(events.c.created_at < before).returning(events.c.id)
    )
    return len(found.all())
