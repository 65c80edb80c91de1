"""`/organizations/{organization}/api-keys`. No route has a scope, so that no key manages keys."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.core.database import DatabaseReader, DatabaseSession
from app.core.http.pagination import KeysetPage, KeysetQuery
from app.extensions.api_keys.deps import Address, shown_once
from app.extensions.api_keys.schemas import (
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyRead,
    ApiKeyRotate,
)
from app.extensions.organizations.deps import CurrentOrganization
from app.extensions.organizations_api_keys import service
from app.extensions.users.deps import LiveUser

PATH = "organizations/{organization}/api-keys"

router = APIRouter()


@router.get("", summary="List API keys of an organization")
async def list_organization_keys(
    scope: CurrentOrganization, query: Annotated[KeysetQuery, Query()], reader: DatabaseReader
) -> KeysetPage[ApiKeyRead]:
    """The organization's keys, newest first, also those that are not valid any more. For admins."""
    return await service.page(reader, scope, query)


# `LiveUser`: see the routes of `api_keys`.
@router.post("", status_code=201, summary="Create an API key of an organization")
async def create_organization_key(
    _: LiveUser,
    scope: CurrentOrganization,
    body: ApiKeyCreate,
    address: Address,
    response: Response,
    session: DatabaseSession,
) -> ApiKeyCreated:
    """Create a key that acts for the organization. Only the answer shows it. For admins."""
    created = await service.create(session, scope, body, address=address)
    return shown_once(response, *created)


@router.post("/{key_id}/rotate", status_code=201, summary="Replace an API key of an organization")
async def rotate_organization_key(
    _: LiveUser,
    scope: CurrentOrganization,
    key_id: UUID,
    body: ApiKeyRotate,
    address: Address,
    response: Response,
    session: DatabaseSession,
) -> ApiKeyCreated:
    """Create a key with the same rights; the old one stays valid for some hours. For admins."""
    created = await service.rotate(session, scope, key_id, body.overlap_hours, address=address)
    return shown_once(response, *created)


@router.post("/{key_id}/revoke", summary="Revoke an API key of an organization")
async def revoke_organization_key(
    scope: CurrentOrganization, key_id: UUID, address: Address, session: DatabaseSession
) -> ApiKeyRead:
    """End a key; every process refuses it after some seconds. For admins."""
    return ApiKeyRead.model_validate(await service.revoke(session, scope, key_id, address=address))
