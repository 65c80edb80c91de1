"""`/api_keys`: the keys of the caller. No route has a scope, so that no key manages keys."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.core.auth.scopes import known_scopes
from app.core.database import DatabaseReader, DatabaseSession
from app.core.http.pagination import KeysetPage, KeysetQuery
from app.extensions.api_keys import service
from app.extensions.api_keys.deps import Address, shown_once
from app.extensions.api_keys.schemas import (
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyRead,
    ApiKeyRotate,
)
from app.extensions.users.deps import CurrentUser, LiveUser

router = APIRouter()


@router.get("", summary="List my API keys")
async def list_keys(
    user: CurrentUser, query: Annotated[KeysetQuery, Query()], reader: DatabaseReader
) -> KeysetPage[ApiKeyRead]:
    """The caller's keys, newest first, also those that are not valid any more."""
    return await service.KEYS.page(reader, query, owner_id=user.id)


# A token of an admin who acts as the user, or of a session that has ended, must not leave a key
# behind: `LiveUser` refuses both.
@router.post("", status_code=201, summary="Create an API key")
async def create_key(
    user: LiveUser,
    body: ApiKeyCreate,
    address: Address,
    response: Response,
    session: DatabaseSession,
) -> ApiKeyCreated:
    """Create a key. The answer is the only place that shows it."""
    created = await service.create(session, user.id, body, address=address)
    return shown_once(response, *created)


@router.get("/scopes", summary="List scopes")
async def list_scopes(_: CurrentUser) -> list[str]:
    """The scopes that a key can have."""
    return known_scopes()


@router.get("/{key_id}", summary="Read an API key")
async def read_key(user: CurrentUser, key_id: UUID, reader: DatabaseReader) -> ApiKeyRead:
    """One key of the caller."""
    return await service.KEYS.get(reader, key_id, owner_id=user.id)


@router.post("/{key_id}/rotate", status_code=201, summary="Replace an API key")
async def rotate_key(
    user: LiveUser,
    key_id: UUID,
    body: ApiKeyRotate,
    address: Address,
    response: Response,
    session: DatabaseSession,
) -> ApiKeyCreated:
    """Create a key with the same rights and lifetime; the old one stays valid for some hours."""
    created = await service.rotate(session, user.id, key_id, body.overlap_hours, address=address)
    return shown_once(response, *created)


@router.post("/{key_id}/revoke", summary="Revoke an API key")
async def revoke_key(
    user: CurrentUser, key_id: UUID, address: Address, session: DatabaseSession
) -> ApiKeyRead:
    """End a key; every process refuses it after some seconds."""
    key = await service.revoke(session, user.id, key_id, address=address)
    return ApiKeyRead.model_validate(key)
