"""The consent of users: without it, nothing is captured about them."""

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.errors import NotFoundError
from app.core.settings import load_settings
from app.extensions.analytics.models import Consent, consents, events
from app.extensions.analytics.settings import AnalyticsSettings


async def read(session: AsyncSession, user_id: UUID) -> Consent | None:
    """Return the decision of a user, or None before the first one."""
    return await session.get(Consent, user_id)


async def decide(session: AsyncSession, user_id: UUID, *, given: bool) -> Consent:
    """Give or withdraw the consent of a user. Commits.

    A withdrawal is always possible. It deletes the events that have not been sent.

    Raises:
        NotFoundError: `analytics_off`, consent is given and ANALYTICS_KEY is not set.
    """
    if given and load_settings(AnalyticsSettings).key is None:
        raise NotFoundError("ANALYTICS_KEY is not set.", code="analytics_off")
    values = {"given": given, "decided_at": utcnow()}
    statement = insert(consents).values(user_id=user_id, **values)
    await session.exec(statement.on_conflict_do_update(index_elements=["user_id"], set_=values))
    if not given:
        await session.exec(delete(events).where(events.c.user_id == user_id))
    await session.commit()
    return await session.get_one(Consent, user_id, populate_existing=True)
