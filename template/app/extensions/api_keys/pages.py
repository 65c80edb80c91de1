"""`/account/api-keys`: the keys of the visitor."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.core.database import DatabaseReader, DatabaseSession
from app.core.http.pagination import KeysetQuery
from app.extensions.api_keys import service
from app.extensions.api_keys.deps import Address
from app.extensions.pages.api_keys import KeyPages
from app.extensions.pages.visitors import CurrentSession, LiveVisitor, Visitor, to_confirm

router = APIRouter()

# The link on the page of the account.
ACCOUNT = {"API keys": ("api_keys:show_keys", "Programs use them to call the API in your name.")}


@router.get("/account/api-keys")
async def show_keys(
    request: Request,
    visitor: Visitor,
    reader: DatabaseReader,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """The list, newest first."""
    query = KeysetQuery(cursor=cursor)
    return _pages(request).list(await service.KEYS.page(reader, query, owner_id=visitor.id))


@router.get("/account/api-keys/new")
async def new_key(request: Request, session: CurrentSession, _: Visitor) -> Response:
    """The form for a new key."""
    return to_confirm(request, session, new_key) or _pages(request).form()


@router.post("/account/api-keys/new")
async def add_key(
    request: Request,
    session: CurrentSession,
    visitor: LiveVisitor,
    address: Address,
    database: DatabaseSession,
) -> Response:
    """Create a key. This answer is the only place that shows it."""
    if ask := to_confirm(request, session, new_key):
        return ask
    return await _pages(request).add(
        lambda values: service.create(database, visitor.id, values, address=address)
    )


@router.get("/account/api-keys/{key_id}")
async def show_key(
    request: Request, visitor: Visitor, key_id: UUID, reader: DatabaseReader
) -> Response:
    """One key, and what can be done with it."""
    return _pages(request).one(await service.KEYS.get(reader, key_id, owner_id=visitor.id))


@router.post("/account/api-keys/{key_id}/rotate")
async def rotate_key(
    request: Request,
    session: CurrentSession,
    visitor: LiveVisitor,
    key_id: UUID,
    address: Address,
    reader: DatabaseReader,
    database: DatabaseSession,
) -> Response:
    """Replace a key; the old one stays valid for some hours."""
    if ask := to_confirm(request, session, show_key, key_id=key_id):
        return ask
    key = await service.KEYS.get(reader, key_id, owner_id=visitor.id)
    return await _pages(request).rotate(
        key, lambda hours: service.rotate(database, visitor.id, key_id, hours, address=address)
    )


@router.post("/account/api-keys/{key_id}/revoke")
async def revoke_key(
    request: Request, visitor: Visitor, key_id: UUID, address: Address, database: DatabaseSession
) -> Response:
    """End a key at once, without another question."""
    await service.revoke(database, visitor.id, key_id, address=address)
    return _pages(request).revoked()


def _pages(request: Request) -> KeyPages:
    return KeyPages(request, "api_keys", "api_keys/account.html")
