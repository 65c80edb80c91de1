"""The settings of an organization: its name, my way out, its data and its end."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.core.database import DatabaseSession, database_of
from app.core.http.streams import Stream
from app.core.settings import load_settings
from app.extensions.organizations.pages.mine import show_organizations
from app.extensions.organizations.schemas import OrganizationName
from app.extensions.organizations.service import export as exports
from app.extensions.organizations.service import members, organizations, roles
from app.extensions.organizations.service.scope import Scope
from app.extensions.organizations.settings import OrganizationSettings
from app.extensions.pages.forms import read_form, see_other
from app.extensions.pages.organizations import PageOrganization, organization_page, refusal
from app.extensions.pages.visitors import CurrentSession, to_confirm

router = APIRouter()


@router.get("/organizations/{organization}")
async def show_settings(request: Request, scope: PageOrganization) -> Response:
    """What the visitor may change."""
    return _settings(request, scope, {"name": scope.name})


@router.post("/organizations/{organization}/name")
async def rename(request: Request, scope: PageOrganization, session: DatabaseSession) -> Response:
    """Change the name."""
    form = await read_form(request, OrganizationName)
    if form.data is None:
        return _settings(request, scope, form.values, form.errors, 422)
    await organizations.rename(session, scope, form.data.name)
    return see_other(request, show_settings, message="The name is saved.", organization=scope.slug)


@router.post("/organizations/{organization}/leave")
async def leave(request: Request, scope: PageOrganization, session: DatabaseSession) -> Response:
    """Leave the organization."""
    if error := await refusal(members.remove(session, scope, scope.user_id)):
        values = {"name": scope.name}
        return _settings(request, scope, values, {"": error.detail}, error.status)
    return see_other(request, show_organizations, message=f"You have left {scope.name}.")


@router.get("/organizations/{organization}/export")
async def export(request: Request, scope: PageOrganization, session: CurrentSession) -> Response:
    """All rows of the organization as a JSON file."""
    scope.require(roles.OWNER)
    if ask := to_confirm(request, session, show_delete, organization=scope.slug):
        return ask
    headers = {
        "Content-Disposition": f'attachment; filename="{scope.slug}.json"',
        "Cache-Control": "no-store",
    }
    document = exports.document(database_of(request), scope)
    return Stream(document, media_type="application/json", headers=headers)


@router.get("/organizations/{organization}/delete")
async def show_delete(
    request: Request, scope: PageOrganization, session: CurrentSession
) -> Response:
    """What happens, the export, and the button."""
    scope.require(roles.OWNER)
    if ask := to_confirm(request, session, show_delete, organization=scope.slug):
        return ask
    return _delete(request, scope)


@router.post("/organizations/{organization}/delete")
async def delete(
    request: Request, scope: PageOrganization, session: CurrentSession, database: DatabaseSession
) -> Response:
    """Delete the organization; its owners can restore it for some days."""
    scope.require(roles.OWNER)
    if ask := to_confirm(request, session, show_delete, organization=scope.slug):
        return ask
    if error := await refusal(organizations.delete(database, scope)):
        return _delete(request, scope, {"": error.detail}, error.status)
    return see_other(request, show_organizations, message=f"{scope.name} is deleted.")


def _settings(
    request: Request,
    scope: Scope,
    values: dict[str, str],
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    return organization_page(
        request,
        scope,
        "organizations/settings.html",
        status=status,
        is_admin=roles.allows(scope.role, roles.ADMIN),
        is_owner=scope.role == roles.OWNER,
        values=values,
        errors=errors,
    )


def _delete(
    request: Request, scope: Scope, errors: dict[str, str] | None = None, status: int = 200
) -> Response:
    return organization_page(
        request,
        scope,
        "organizations/delete.html",
        status=status,
        days=load_settings(OrganizationSettings).deletion_days,
        errors=errors,
    )
