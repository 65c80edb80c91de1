"""Who pays: a user, or something else that a feature knows.

A feature with other holders than users has a `billing.py` with the dependency `current_holder`, see
`deps`, with `HOLDERS`, the name of their table, and with these functions:

    async def contact(session: AsyncSession, holder_id: UUID) -> Contact | None: ...
    async def managers(session: AsyncSession, holder_id: UUID) -> list[UUID]: ...
    async def people(session: AsyncSession, holder_id: UUID) -> int: ...

`contact` returns None for an id that the feature does not know, `managers` an empty list, and
`people` 0.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.errors import NotFoundError
from app.core.features import load
from app.extensions.users import service as users


@dataclass(frozen=True)
class Holder:
    """The holder of the subscription that a request is about."""

    id: UUID
    manages: bool = True  # whether the caller may buy, change and cancel


@dataclass(frozen=True)
class Contact:
    """What Stripe learns about a holder."""

    email: str | None
    name: str | None
    gone: bool = False  # the account was deleted


async def contact(session: AsyncSession, holder_id: UUID) -> Contact:
    """Return the address and the name of a holder; one that nobody knows is gone."""
    for _, module in load("billing"):
        found: Contact | None = await module.contact(session, holder_id)
        if found:
            return found
    try:
        user = await users.get(session, holder_id)
    except NotFoundError:
        return Contact(None, None, gone=True)
    return Contact(user.email, user.display_name, gone=user.deleted_at is not None)


async def managers(session: AsyncSession, holder_id: UUID) -> list[UUID]:
    """Return the users who are told about payments of a holder."""
    for _, module in load("billing"):
        found: list[UUID] = await module.managers(session, holder_id)
        if found:
            return found
    return [holder_id]


async def people(session: AsyncSession, holder_id: UUID) -> int:
    """Return how many people use what a holder pays for, each of whom needs a seat."""
    for _, module in load("billing"):
        found: int = await module.people(session, holder_id)
        if found:
            return found
    return 1


def tables() -> tuple[str, ...]:
    """Return the tables of holders."""
    return ("users", *(module.HOLDERS for _, module in load("billing")))
