"""Dependencies for routes of every feature.

Express = Annotated[bool, Depends(flag("orders.express"))]

@router.post("/express", dependencies=[Depends(require_flag("orders.express"))])
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from app.core.database import DatabaseReader
from app.core.errors import NotFoundError
from app.core.features import load
from app.extensions.flags.service import is_on
from app.extensions.users.deps import OptionalUser

# Names that routes use; the start of the API checks them.
NAMED: set[str] = set()


async def _groups(request: Request, user: OptionalUser, reader: DatabaseReader) -> dict[str, str]:
    """Return kind and id of the groups of the caller: each `flags.py` may define `groups`."""
    found: dict[str, str] = {}
    for _, module in load("flags"):
        if user and hasattr(module, "groups"):
            found |= await module.groups(request, user.id, reader)
    return found


Groups = Annotated[dict[str, str], Depends(_groups)]


def flag(name: str) -> Callable[..., Awaitable[bool]]:
    """Return a dependency that tells whether a flag is on for the caller."""
    NAMED.add(name)

    async def value(user: OptionalUser, reader: DatabaseReader, groups: Groups) -> bool:
        return await is_on(reader, name, user_id=user.id if user else None, groups=groups)

    return value


def require_flag(name: str) -> Callable[..., Awaitable[None]]:
    """Return a dependency that answers 404 where a flag is off, as if there were no such route."""

    async def check(on: Annotated[bool, Depends(flag(name))]) -> None:
        if not on:
            raise NotFoundError("Not Found", code="not_found")

    return check
