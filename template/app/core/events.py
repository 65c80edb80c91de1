"""What happened, told to the features that listen, within the transaction in which it happened.

A feature listens by its `events.py`: `EVENTS = {"users.created": welcome}`, with
`async def welcome(session: AsyncSession, *, user_id: UUID) -> None`. It writes by that session and
does not commit. What it raises undoes the event as well: a user and their welcome grant come to be
together or not at all. What may fail by itself, such as a mail, is enqueued instead.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.features import load

Handler = Callable[..., Awaitable[None]]


async def emit(session: AsyncSession, event: str, **facts: Any) -> None:
    """Call every listener, by name of its feature; call it before the commit.

    Args:
        session: the transaction in which the event happened.
        event: the name, that of the feature in front: `users.created`.
        facts: keys and plain values; listeners read the rest.
    """
    for _, handlers in load("events"):
        handler: Handler | None = handlers.get(event)
        if handler:
            await handler(session, **facts)
