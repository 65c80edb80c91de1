"""The rules for visits."""

from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Reader
from app.core.database.models import utcnow
from app.core.errors import NotFoundError
from app.core.events import emit
from app.core.http.lists import Listing
from app.core.http.pagination import KeysetPage, KeysetQuery
from app.extensions.admin.service import acting_until
from app.extensions.organizations.service import organizations, roles
from app.extensions.organizations.service.scope import Scope
from app.extensions.organizations_admin.models import Visit
from app.extensions.organizations_admin.schemas import VisitRead
from app.extensions.users.schemas import UserRead

VISITS = Listing(Visit, VisitRead, scope=Visit.organization_id)


async def page(reader: Reader, scope: Scope, query: KeysetQuery) -> KeysetPage[VisitRead]:
    """Return a page of the visits of an organization, the newest first.

    Raises:
        ForbiddenError: the caller is no admin of it.
    """
    scope.require(roles.ADMIN)
    return await VISITS.page(reader, query, organization_id=scope.organization_id)


async def start(session: AsyncSession, visitor: UserRead, slug: str, reason: str | None) -> Visit:
    """Open an organization to somebody of the support team. Does not commit.

    Raises:
        NotFoundError: there is no such organization.
        ConflictError: it is deleted, or a personal one. To see what the user of a personal
            organization sees, act as the user.
    """
    organization = await organizations.find(session, slug)
    organizations.refuse_personal(organization)
    organizations.refuse_deleted(organization)
    visit = Visit(
        organization_id=organization.id,
        visitor_id=visitor.id,
        visitor_email=visitor.email,
        reason=reason,
        expires_at=acting_until(),
    )
    session.add(visit)
    facts = {"organization_id": organization.id, "user_id": visitor.id}
    await emit(session, "organizations_admin.visited", **facts)
    return visit


async def end(session: AsyncSession, visit_id: UUID) -> None:
    """End a visit; a second time has no effect. Commits.

    Raises:
        NotFoundError: there is no such visit.
    """
    statement = select(Visit).where(col(Visit.id) == visit_id)
    found = await session.exec(statement, execution_options={"all_organizations": True})
    visit = found.one_or_none()
    if visit is None:
        raise NotFoundError("There is no such visit.", code="visit_not_found")
    visit.expires_at = min(visit.expires_at, utcnow())
    await session.commit()
