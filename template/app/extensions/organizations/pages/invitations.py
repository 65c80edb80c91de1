"""The open invitations of an organization.

Two functions have the names of those of the API, whose limits are theirs as well.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.core.database import DatabaseReader, DatabaseSession, Reader
from app.core.errors import AppError
from app.core.http.pagination import KeysetQuery
from app.extensions.organizations.pages.join import follow_invitation
from app.extensions.organizations.schemas import InvitationCreate, InvitationSent
from app.extensions.organizations.service import invitations, roles
from app.extensions.organizations.service.scope import Scope
from app.extensions.pages.addresses import address
from app.extensions.pages.forms import read_form, see_other
from app.extensions.pages.organizations import SHOWN, PageOrganization, organization_page
from app.extensions.pages.rendering import origin
from app.extensions.pages.visitors import CurrentSession, to_confirm

router = APIRouter()


@router.get("/organizations/{organization}/invitations")
async def show_invitations(
    request: Request,
    scope: PageOrganization,
    reader: DatabaseReader,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """The list, newest first, and the form for another one."""
    scope.require(roles.ADMIN)
    return await _list(request, scope, reader, cursor=cursor)


@router.post("/organizations/{organization}/invitations")
async def invite(
    request: Request,
    scope: PageOrganization,
    current: CurrentSession,
    reader: DatabaseReader,
    session: DatabaseSession,
) -> Response:
    """Invite an address; as an owner only after a confirmation."""
    scope.require(roles.ADMIN)
    form = await read_form(request, InvitationCreate)
    errors, status = form.errors, 422
    if form.data:
        is_owner = form.data.role == roles.OWNER
        place = {"organization": scope.slug}
        if is_owner and (ask := to_confirm(request, current, show_invitations, **place)):
            return ask
        try:
            page = _page_of_link(request)
            sent = await invitations.invite(
                session, scope, form.data.email, form.data.role, page=page
            )
            return _sent(request, scope, sent)
        except AppError as error:
            if error.status not in SHOWN:
                raise
            errors, status = {"": error.detail}, error.status
    return await _list(request, scope, reader, values=form.values, errors=errors, status=status)


@router.post("/organizations/{organization}/invitations/{invitation_id}/resend")
async def resend_invitation(
    request: Request,
    scope: PageOrganization,
    invitation_id: UUID,
    reader: DatabaseReader,
    session: DatabaseSession,
) -> Response:
    """Send an invitation again, with a new link."""
    scope.require(roles.ADMIN)
    try:
        sent = await invitations.resend(session, scope, invitation_id, page=_page_of_link(request))
    except AppError as error:
        if error.status not in SHOWN:
            raise
        return await _list(request, scope, reader, errors={"": error.detail}, status=error.status)
    return _sent(request, scope, sent)


@router.post("/organizations/{organization}/invitations/{invitation_id}/revoke")
async def revoke_invitation(
    request: Request, scope: PageOrganization, invitation_id: UUID, session: DatabaseSession
) -> Response:
    """End an invitation."""
    await invitations.revoke(session, scope, invitation_id)
    return see_other(
        request,
        show_invitations,
        message="The invitation is revoked.",
        organization=scope.slug,
    )


def _page_of_link(request: Request) -> str:
    return f"{origin(request)}{address(request, follow_invitation)}?token="


def _sent(request: Request, scope: Scope, sent: InvitationSent) -> Response:
    """Show the link, if the address has not got it: it is in this answer and nowhere else."""
    if sent.link:
        return organization_page(request, scope, "organizations/link.html", sent=sent)
    return see_other(
        request,
        show_invitations,
        message=f"The invitation is on its way to {sent.email}.",
        organization=scope.slug,
    )


async def _list(
    request: Request,
    scope: Scope,
    reader: Reader,
    *,
    cursor: str | None = None,
    values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    query = KeysetQuery(cursor=cursor)
    found = await invitations.INVITATIONS.page(reader, query, organization_id=scope.organization_id)
    is_owner = scope.role == roles.OWNER
    return organization_page(
        request,
        scope,
        "organizations/invitations.html",
        status=status,
        found=found,
        is_owner=is_owner,
        roles=[each for each in roles.known() if is_owner or each != roles.OWNER],
        values=values or {"role": roles.MEMBER},
        errors=errors,
    )
