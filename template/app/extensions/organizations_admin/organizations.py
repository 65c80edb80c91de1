"""Admits visitors to the organization that they have opened on the admin site.

They get the role `member`. So they see what every member sees, and no page for admins: keys,
invitations and the export are closed. A route that asks Auth for the session of its caller
(`LIVE_CHECKS`), as those of credentials do, refuses them as well.
"""

from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from sqlalchemy import bindparam
from sqlmodel import col, select

from app.core import context
from app.core.database import database_of
from app.core.database.models import utcnow
from app.core.errors import ForbiddenError
from app.extensions.admin.service import record_request
from app.extensions.organizations.models import Organization
from app.extensions.organizations.service import roles
from app.extensions.organizations.service.scope import Scope, current
from app.extensions.organizations_admin.models import Visit
from app.extensions.users.deps import LIVE_CHECKS
from app.extensions.users.schemas import UserRead

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
VISITORS = ("admin", "support")

_OPEN = (
    select(col(Organization.id), Organization.slug, Organization.name, Visit.reason)
    .join(Visit, col(Visit.organization_id) == col(Organization.id))
    .where(
        col(Organization.slug) == bindparam("slug"),
        col(Organization.deleted_at).is_(None),
        col(Visit.visitor_id) == bindparam("visitor_id"),
        col(Visit.expires_at) > bindparam("now"),
    )
    .order_by(col(Visit.reason).is_(None), col(Visit.created_at).desc())
    .limit(1)
    .execution_options(all_organizations=True)
)


async def guest(request: Request, user: UserRead, slug: str) -> Scope | None:
    """Return the scope of a visitor, or None for everybody else. Each request is recorded.

    Raises:
        ForbiddenError: `visit_reads_only`, a change without a reason or by the role support;
            `visit_refused`, the route shows or makes credentials.
    """
    # A key of somebody in the support team is not the person who has given the reason.
    if user.role not in VISITORS or context.actor_id.get():
        return None
    values = {"slug": slug, "visitor_id": user.id, "now": utcnow()}
    for row in await database_of(request).reader.rows(_OPEN, values):
        current.set(str(row["id"]))
        if _asks_auth(request.scope["route"]):
            raise ForbiddenError("Visitors may not do this.", code="visit_refused")
        if request.method not in SAFE_METHODS and not (row["reason"] and user.is_admin):
            raise ForbiddenError(
                "This visit is for reading: open the organization with a reason, as an admin.",
                code="visit_reads_only",
            )
        async with database_of(request).session() as session:
            subject = {"subject": "organizations", "subject_id": row["id"]}
            record_request(session, request, user, "visit_act", reason=row["reason"], **subject)
            await session.commit()
        return Scope(row["id"], row["slug"], row["name"], user.id, roles.MEMBER)
    return None


def _asks_auth(route: Any) -> bool:
    def asks(dependant: Dependant) -> bool:
        return dependant.call in LIVE_CHECKS or any(map(asks, dependant.dependencies))

    return asks(route.dependant)
