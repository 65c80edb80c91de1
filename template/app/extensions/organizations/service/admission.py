"""Whether there is room for one more person. Features limit that: this one has no limit.

Such a feature has in its module `organizations.py`:

    async def admit(session: AsyncSession, organization_id: UUID, expected: int) -> None: ...

`expected` counts the people with the new one, and those whom an open invitation admits if the new
one is invited. The function raises an `AppError` to refuse. The organization is locked, so of two
who join at the same time, the second one counts the first.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.features import load
from app.extensions.organizations.models import Invitation, Member
from app.extensions.users.service import count_people


async def people(session: AsyncSession, organization_id: UUID) -> int:
    """Return the number of members, without machines."""
    members = select(Member.user_id).where(col(Member.organization_id) == organization_id)
    return await count_people(session, members)


async def check_invitation(session: AsyncSession, organization_id: UUID, email: str) -> None:
    """Refuse an invitation for which there is no room; the other open ones count, too.

    Raises:
        AppError: what the feature says.
    """
    if asked := _features():
        others = select(func.count()).where(
            col(Invitation.organization_id) == organization_id,
            col(Invitation.email) != email,
            col(Invitation.expires_at) > utcnow(),
        )
        invited = (await session.exec(others)).one()
        expected = await people(session, organization_id) + invited + 1
        for admit in asked:
            await admit(session, organization_id, expected)


async def check_member(session: AsyncSession, organization_id: UUID) -> None:
    """Refuse a member for whom there is no room.

    Raises:
        AppError: what the feature says.
    """
    if asked := _features():
        expected = await people(session, organization_id) + 1
        for admit in asked:
            await admit(session, organization_id, expected)


def _features() -> list[Callable[[AsyncSession, UUID, int], Awaitable[None]]]:
    modules = [module for _, module in load("organizations")]
    return [each.admit for each in modules if hasattr(each, "admit")]
