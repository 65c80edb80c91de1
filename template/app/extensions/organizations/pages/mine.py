"""My organizations: the list, a new one, and those that can be restored."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.core.database import DatabaseReader, DatabaseSession, Reader
from app.core.http.pagination import MAX_LIMIT, MAX_OFFSET
from app.core.settings import load_settings
from app.extensions.organizations.pages.members import show_members
from app.extensions.organizations.schemas import OrganizationName, OrganizationQuery
from app.extensions.organizations.service import organizations
from app.extensions.organizations.settings import OrganizationSettings
from app.extensions.pages.forms import read_form, see_other
from app.extensions.pages.organizations import refusal
from app.extensions.pages.rendering import page
from app.extensions.pages.visitors import Visitor
from app.extensions.users.schemas import UserRead

router = APIRouter()


@router.get("/organizations")
async def show_organizations(
    request: Request,
    visitor: Visitor,
    reader: DatabaseReader,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
) -> Response:
    """The organizations of which the visitor is a member."""
    return await _list(request, visitor, reader, offset=offset)


@router.get("/organizations/new")
async def new_organization(request: Request, _: Visitor) -> Response:
    """The form for a new organization."""
    return page(request, "organizations/new.html")


@router.post("/organizations/new")
async def add_organization(
    request: Request, visitor: Visitor, session: DatabaseSession
) -> Response:
    """Create an organization, which the visitor owns."""
    form = await read_form(request, OrganizationName)
    if form.data is None:
        return page(
            request, "organizations/new.html", status=422, values=form.values, errors=form.errors
        )
    made = await organizations.create(session, visitor.id, form.data.name)
    message = f"{made.name} is there. Invite the others."
    return see_other(request, show_members, message=message, organization=made.slug)


@router.post("/organizations/personal")
async def add_personal(
    request: Request, visitor: Visitor, session: DatabaseSession, reader: DatabaseReader
) -> Response:
    """Create the personal organization, for a visitor from before who has none."""
    if error := await refusal(organizations.personal(session, visitor.id)):
        return await _list(request, visitor, reader, errors={"": error.detail}, status=error.status)
    return see_other(request, show_organizations)


@router.post("/organizations/{organization}/restore")
async def restore(
    request: Request,
    visitor: Visitor,
    session: DatabaseSession,
    organization: Annotated[str, Path(max_length=63)],
) -> Response:
    """Undo a deletion."""
    restored = await organizations.restore(session, visitor.id, organization)
    message = f"{restored.name} is restored."
    return see_other(request, show_organizations, message=message)


async def _list(
    request: Request,
    visitor: UserRead,
    reader: Reader,
    *,
    offset: int = 0,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    found = await organizations.of_user(reader, visitor.id, OrganizationQuery(offset=offset))
    deleted = OrganizationQuery(deleted=True, limit=MAX_LIMIT, total=False)
    keep = timedelta(days=load_settings(OrganizationSettings).deletion_days)
    restorable = [
        (each, each.deleted_at + keep)
        for each in (await organizations.of_user(reader, visitor.id, deleted)).items
        if each.deleted_at
    ]
    # It is the first one in most cases, because it comes with the user.
    has_personal = bool(offset) or any(each.personal for each in found.items)
    return page(
        request,
        "organizations/list.html",
        block="rows",
        status=status,
        found=found,
        restorable=restorable,
        has_personal=has_personal or found.total != len(found.items),
        errors=errors,
    )
