"""Records the events of features."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from devstack.devpage.recorder import privacy
from devstack.devpage.recorder.entry import record

Handler = Callable[..., Awaitable[None]]


class _Every(dict[str, Handler]):
    """Has a handler for every event."""

    def get(self, event: str, _default: Any = None) -> Any:
        """Return the handler of an event."""

        async def handle(_session: AsyncSession, **facts: Any) -> None:
            values = {name: privacy.shown(name, value) for name, value in facts.items()}
            record("event", name=event, facts=values)

        return handle


EVENTS = _Every()
