"""The lock under which everything about the members of an organization changes."""

from dataclasses import replace

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.organizations.models import Member, Organization
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
