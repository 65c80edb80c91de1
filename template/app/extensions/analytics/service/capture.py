"""Writes events in the transaction in which they happen.

The row is the outbox: an event whose transaction is rolled back never existed, and a committed one
is sent, whatever fails meanwhile.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, String, Uuid, bindparam, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel.ext.asyncio.session import AsyncSession
from uuid_utils.compat import uuid7

from app.core import context
from app.core.database.models import utcnow
from app.core.settings import load_settings
from app.extensions.analytics.models import consents, events
from app.extensions.analytics.service.declaration import Event, groups_of
from app.extensions.analytics.settings import AnalyticsSettings

# One statement, so that a consent that is withdrawn meanwhile counts.
_CAPTURE = insert(events).from_select(
    ["id", "user_id", "name", "properties", "created_at"],
    select(
        bindparam("event_id", type_=Uuid),
        consents.c.user_id,
        bindparam("event_name", type_=String),
        bindparam("event_properties", type_=JSONB),
        bindparam("event_at", type_=DateTime(timezone=True)),
    ).where(consents.c.user_id == bindparam("event_user", type_=Uuid), consents.c.given),
    include_defaults=False,
)


async def capture(
    session: AsyncSession,
    event: Event,
    *,
    user_id: UUID | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Capture an event, unless the user has not agreed to it or ANALYTICS_KEY is not set.

    Args:
        session: the transaction in which the event happens; it is sent after the commit.
        event: its properties.
        user_id: who did it; the default is the signed-in user, or the owner of the running task.
        facts: more than the properties, by which features say which groups the event belongs to.
    """
    user = user_id or context.user_id.get()
    if load_settings(AnalyticsSettings).key is None or user is None:
        return
    properties = event.model_dump(mode="json")
    if groups := groups_of(facts or {}):
        properties["$groups"] = groups
    values = {
        "event_id": uuid7(),
        "event_user": UUID(str(user)),
        "event_name": event.event_name,
        "event_properties": properties,
        "event_at": utcnow(),
    }
    await session.exec(_CAPTURE, params=values)
