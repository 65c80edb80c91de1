"""Whom to ask and to tell about an organization, for features that bill it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.organizations.models import Member, Organization


@dataclass(frozen=True)
class Known:
    """An organization that is no personal one."""

    name: str
    deleted: bool


async def find(session: AsyncSession, organization_id: UUID) -> Known | None:
    """Return an organization, also a deleted one; None for a personal one or if there is none."""
    found = await session.get(Organization, organization_id)
    if found is None or found.personal_of:
        return None
    return Known(found.name, deleted=found.deleted_at is not None)


async def members_with(
    session: AsyncSession, organization_id: UUID, roles: Sequence[str]
) -> list[UUID]:
    """Return the members who have one of these roles, the earliest first."""
    statement = (
        select(Member.user_id)
        .where(col(Member.organization_id) == organization_id, col(Member.role).in_(roles))
        .order_by(col(Member.created_at), col(Member.user_id))
    )
    return list(await session.exec(statement))
