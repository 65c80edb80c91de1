"""Events: a feature reports one, and other features handle it in the same transaction.

A feature handles events by its `events.py`: `EVENTS = {"users.created": welcome}`, with
`async def welcome(session: AsyncSession, *, user_id: UUID) -> None`. A handler writes with that
session and does not commit. An exception of a handler undoes the event as well: a user and the
user's welcome grant are committed together or not at all. Work that may fail alone, such as a mail,
belongs in a task that the handler enqueues.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.features import load

Handler = Callable[..., Awaitable[None]]


async def emit(session: AsyncSession, event: str, **facts: Any) -> None:
    """Call every handler, in the order of the features' names; call it before the commit.

    Args:
        session: the transaction in which the event happens.
        event: the name, which starts with that of the feature: `users.created`.
        facts: keys and plain values; handlers read everything else from the database.
    """
    for _, handlers in load("events"):
        handler: Handler | None = handlers.get(event)
        if handler:
            await handler(session, **facts)
