"""`/organizations/{organization}/api-keys`: the keys of an organization, for its admins."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.core.database import DatabaseReader, DatabaseSession
from app.core.http.pagination import KeysetQuery
from app.extensions.api_keys.deps import Address
from app.extensions.organizations.service import roles
from app.extensions.organizations.service.scope import Scope
from app.extensions.organizations_api_keys import service
from app.extensions.pages.api_keys import KeyPages
from app.extensions.pages.organizations import PageOrganization, Section, sections_of
from app.extensions.pages.visitors import CurrentSession, LiveVisitor, to_confirm

router = APIRouter()

SECTIONS = {"API keys": Section("organizations_api_keys:show_keys", (roles.ADMIN,))}


@router.get("/organizations/{organization}/api-keys")
async def show_keys(
    request: Request,
    scope: PageOrganization,
    reader: DatabaseReader,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """The list, newest first."""
    query = KeysetQuery(cursor=cursor)
    return _pages(request, scope).list(await service.page(reader, scope, query))


@router.get("/organizations/{organization}/api-keys/new")
async def new_key(request: Request, session: CurrentSession, scope: PageOrganization) -> Response:
    """The form for a new key."""
    scope.require(roles.ADMIN)
    ask = to_confirm(request, session, new_key, organization=scope.slug)
    return ask or _pages(request, scope).form()


@router.post("/organizations/{organization}/api-keys/new")
async def add_key(
    request: Request,
    session: CurrentSession,
    _: LiveVisitor,
    scope: PageOrganization,
    address: Address,
    database: DatabaseSession,
) -> Response:
    """Create a key that acts for the organization. This answer is the only place that shows it."""
    scope.require(roles.ADMIN)
    if ask := to_confirm(request, session, new_key, organization=scope.slug):
        return ask
    return await _pages(request, scope).add(
        lambda values: service.create(database, scope, values, address=address)
    )


@router.get("/organizations/{organization}/api-keys/{key_id}")
async def show_key(
    request: Request, scope: PageOrganization, key_id: UUID, reader: DatabaseReader
) -> Response:
    """One key, and what can be done with it."""
    return _pages(request, scope).one(await service.read(reader, scope, key_id))


@router.post("/organizations/{organization}/api-keys/{key_id}/rotate")
async def rotate_key(
    request: Request,
    session: CurrentSession,
    _: LiveVisitor,
    scope: PageOrganization,
    key_id: UUID,
    address: Address,
    reader: DatabaseReader,
    database: DatabaseSession,
) -> Response:
    """Replace a key; the old one stays valid for some hours."""
    key = await service.read(reader, scope, key_id)
    if ask := to_confirm(request, session, show_key, organization=scope.slug, key_id=key_id):
        return ask
    return await _pages(request, scope).rotate(
        key, lambda hours: service.rotate(database, scope, key_id, hours, address=address)
    )


@router.post("/organizations/{organization}/api-keys/{key_id}/revoke")
async def revoke_key(
    request: Request,
    scope: PageOrganization,
    key_id: UUID,
    address: Address,
    database: DatabaseSession,
) -> Response:
    """End a key at once, without another question."""
    await service.revoke(database, scope, key_id, address=address)
    return _pages(request, scope).revoked()


def _pages(request: Request, scope: Scope) -> KeyPages:
    return KeyPages(
        request,
        "organizations_api_keys",
        "organizations/frame.html",
        place={"organization": scope.slug},
        shown={"scope": scope, "sections": sections_of(request, scope)},
        may_create=not scope.personal,
    )
