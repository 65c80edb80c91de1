"""Captures the declared events when their features emit them."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.events import Handler
from app.core.logging import get_logger
from app.core.settings import load_settings
from app.extensions.analytics.service import Event, capture
from app.extensions.analytics.service.declaration import declared
from app.extensions.analytics.settings import AnalyticsSettings

log = get_logger(__name__)


def _handler(kinds: list[type[Event]]) -> Handler:
    async def handle(session: AsyncSession, **facts: Any) -> None:
        if load_settings(AnalyticsSettings).key is None:
            return
        for kind in kinds:
            try:
                event = kind.model_validate(facts)
            except ValidationError as error:
                # What the user does must not fail because of it.
                wrong = [".".join(map(str, each["loc"])) for each in error.errors()]
                log.error("analytics_event_invalid", event_name=kind.event_name, fields=wrong)
                continue
            user: UUID | None = facts.get("user_id")
            await capture(session, event, user_id=user, facts=facts)

    return handle


def _handlers() -> dict[str, Handler]:
    kinds: defaultdict[str, list[type[Event]]] = defaultdict(list)
    for kind in declared():
        if kind.emitted_as:
            kinds[kind.emitted_as].append(kind)
    return {emitted: _handler(found) for emitted, found in kinds.items()}


EVENTS = _handlers()
