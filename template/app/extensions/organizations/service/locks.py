"""The lock under which everything about the members of an organization changes."""

from dataclasses import replace
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.organizations.models import Member, Organization
from app.extensions.organizations.service import roles
from app.extensions.organizations.service.scope import Scope, not_found


async def lock(session: AsyncSession, scope: Scope) -> Scope:
    """Lock the organization until the end of the transaction; return the scope as it is then.

    Of two requests that change members, the second waits for the first, and then reads what the
    first has left. So the role of the caller is read again. Requests that only add rows to tables
    of the organization do not wait (FOR NO KEY UPDATE).

    Raises:
        NotFoundError: meanwhile the organization was deleted, or the caller removed.
    """
    locked = (
        select(Organization.id)
        .where(
            col(Organization.id) == scope.organization_id, col(Organization.deleted_at).is_(None)
        )
        .with_for_update(key_share=True)
    )
    if (await session.exec(locked)).one_or_none() is None:
        raise not_found()
    role = select(Member.role).where(
        col(Member.organization_id) == scope.organization_id, col(Member.user_id) == scope.user_id
    )
    now = (await session.exec(role)).one_or_none()
    if now is None:
        raise not_found()
    return replace(scope, role=now)


async def lock_owned(session: AsyncSession, user_id: UUID) -> list[Organization]:
    """Lock the organizations that the user owns with others or alone, the personal one apart.

    Always in the same order, so that two transactions which lock several never wait for each other.
    """
    owned = select(Member.organization_id).where(
        col(Member.user_id) == user_id, col(Member.role) == roles.OWNER
    )
    locked = (
        select(Organization)
        .where(col(Organization.id).in_(owned), col(Organization.personal_of).is_(None))
        .order_by(col(Organization.id))
        .with_for_update(key_share=True)
    )
    return list(await session.exec(locked))
