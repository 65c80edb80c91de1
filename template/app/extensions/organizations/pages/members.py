"""The members of an organization: their roles, and who leaves."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.core.database import DatabaseReader, DatabaseSession
from app.core.http.pagination import MAX_OFFSET, OffsetQuery
from app.extensions.organizations.schemas import MemberRead, RoleChange
from app.extensions.organizations.service import members, roles
from app.extensions.organizations.service.scope import Scope
from app.extensions.pages.forms import read_form, see_other
from app.extensions.pages.organizations import PageOrganization, organization_page, refusal
from app.extensions.pages.visitors import CurrentSession, to_confirm

router = APIRouter()


@router.get("/organizations/{organization}/members")
async def show_members(
    request: Request,
    scope: PageOrganization,
    reader: DatabaseReader,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
) -> Response:
    """The list, in the order in which they joined."""
    found = await members.list_page(reader, scope, OffsetQuery(offset=offset))
    return organization_page(
        request,
        scope,
        "organizations/members.html",
        block="rows",
        found=found,
        is_admin=roles.allows(scope.role, roles.ADMIN),
    )


@router.get("/organizations/{organization}/members/{user_id}")
async def show_member(
    request: Request, scope: PageOrganization, user_id: UUID, reader: DatabaseReader
) -> Response:
    """A member, and what the visitor may change."""
    scope.require(roles.ADMIN)
    return _member(request, scope, await members.read(reader, scope, user_id))


@router.post("/organizations/{organization}/members/{user_id}")
async def change_role(
    request: Request,
    scope: PageOrganization,
    user_id: UUID,
    current: CurrentSession,
    reader: DatabaseReader,
    session: DatabaseSession,
) -> Response:
    """Give a member another role; that of an owner needs a confirmation, as a transfer does."""
    scope.require(roles.ADMIN)
    member = await members.read(reader, scope, user_id)
    form = await read_form(request, RoleChange)
    if form.data is None:
        return _member(request, scope, member, form.errors, 422)
    place = {"organization": scope.slug, "user_id": user_id}
    is_owner = form.data.role == roles.OWNER
    if is_owner and (ask := to_confirm(request, current, show_member, **place)):
        return ask
    if error := await refusal(members.set_role(session, scope, user_id, form.data.role)):
        return _member(request, scope, member, {"": error.detail}, error.status)
    return _back(request, scope, "The role is changed.")


@router.post("/organizations/{organization}/members/{user_id}/transfer")
async def transfer(
    request: Request,
    scope: PageOrganization,
    user_id: UUID,
    current: CurrentSession,
    reader: DatabaseReader,
    session: DatabaseSession,
) -> Response:
    """Make a member owner in the place of the visitor."""
    scope.require(roles.OWNER)
    place = {"organization": scope.slug, "user_id": user_id}
    if ask := to_confirm(request, current, show_member, **place):
        return ask
    member = await members.read(reader, scope, user_id)
    if error := await refusal(members.transfer(session, scope, user_id)):
        return _member(request, scope, member, {"": error.detail}, error.status)
    return _back(request, scope, f"{scope.name} has another owner. You are an admin now.")


@router.post("/organizations/{organization}/members/{user_id}/remove")
async def remove_member(
    request: Request,
    scope: PageOrganization,
    user_id: UUID,
    reader: DatabaseReader,
    session: DatabaseSession,
) -> Response:
    """Remove a member at once."""
    scope.require(roles.ADMIN)
    member = await members.read(reader, scope, user_id)
    if error := await refusal(members.remove(session, scope, user_id)):
        return _member(request, scope, member, {"": error.detail}, error.status)
    return _back(request, scope, "The member is removed.")


def _member(
    request: Request,
    scope: Scope,
    member: MemberRead,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    is_owner = scope.role == roles.OWNER
    return organization_page(
        request,
        scope,
        "organizations/member.html",
        status=status,
        member=member,
        is_owner=is_owner,
        may_change=is_owner or member.role != roles.OWNER,
        roles=[each for each in roles.known() if is_owner or each != roles.OWNER],
        errors=errors,
    )


def _back(request: Request, scope: Scope, message: str) -> Response:
    return see_other(request, show_members, message=message, organization=scope.slug)
