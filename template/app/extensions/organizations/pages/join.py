"""An invited user joins.

The link has the token in its query, because a fragment would need a script. The token moves to a
cookie at once: it is in no address while the user signs in.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.core.database import DatabaseSession
from app.core.errors import AppError
from app.extensions.organizations.pages.members import show_members
from app.extensions.organizations.service import invitations
from app.extensions.pages.forms import see_other
from app.extensions.pages.organizations import forget_token, keep_token, kept_token
from app.extensions.pages.rendering import page
from app.extensions.pages.visitors import Visitor

router = APIRouter()


@router.get("/organizations/invitation")
async def follow_invitation(
    request: Request,
    token: Annotated[str, Query(max_length=200, pattern=r"^[A-Za-z0-9_-]+$")],
) -> Response:
    """The link of an invitation leads here."""
    keep_token(request, token)
    return see_other(request, show_join)


@router.get("/organizations/join")
async def show_join(request: Request, visitor: Visitor) -> Response:
    """Who joins, and the button."""
    has_token = bool(kept_token(request))
    return page(request, "organizations/join.html", email=visitor.email, has_token=has_token)


@router.post("/organizations/join")
async def join(request: Request, visitor: Visitor, session: DatabaseSession) -> Response:
    """Accept the invitation."""
    token = kept_token(request)
    if not token:
        return see_other(request, show_join)
    try:
        organization, _ = await invitations.accept(session, visitor.id, token)
    except AppError as error:
        return page(
            request,
            "organizations/join.html",
            status=error.status,
            email=visitor.email,
            has_token=True,
            errors={"": error.detail},
        )
    forget_token(request)
    message = f"You are a member of {organization.name} now."
    return see_other(request, show_members, message=message, organization=organization.slug)
