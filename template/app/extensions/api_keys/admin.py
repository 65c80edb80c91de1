"""API keys on the admin site."""

from typing import ClassVar
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request

from app.extensions.admin.actions import action
from app.extensions.admin.filters import InputFilter, day_range
from app.extensions.admin.views import View
from app.extensions.api_keys import service
from app.extensions.api_keys.models import ApiKey, ApiKeyAddress


class ApiKeyAdmin(View, model=ApiKey):
    """The keys of all users, without their secret part."""

    name = "API key"
    icon = "fa-solid fa-key"
    title_column = "name"
    column_list: ClassVar = [
        "name",
        "start",
        "owner_id",
        "scopes",
        "attributes",
        "expires_at",
        "revoked_at",
        "last_used_at",
    ]
    column_details_list: ClassVar = [
        *column_list,
        "networks",
        "created_at",
        "replaced_by",
        "last_used_from",
    ]
    column_searchable_list: ClassVar = ["name", "start", "attributes"]
    column_sortable_list: ClassVar = ["name", "created_at", "expires_at", "last_used_at"]
    column_default_sort: ClassVar = ("created_at", True)
    column_filters: ClassVar = [InputFilter(ApiKey.start), *day_range(ApiKey.created_at)]

    @action("Revoke", "Revoke these keys? The machines that use them are refused.", reason=True)
    async def revoke(self, request: Request, session: AsyncSession, key_id: UUID) -> None:
        """End a key."""
        address = request.client.host if request.client else ""
        actor_id = request.state.actor.id
        await service.revoke(session, None, key_id, address=address, actor_id=actor_id)


class ApiKeyAddressAdmin(View, model=ApiKeyAddress):
    """The addresses that have used a key."""

    name = "Address of a key"
    name_plural = "Addresses of keys"
    icon = "fa-solid fa-location-dot"
    title_column = "address"
    column_list: ClassVar = ["key_id", "address", "first_used_at", "last_used_at"]
    column_details_list = "__all__"
    column_searchable_list: ClassVar = ["address"]
    column_default_sort: ClassVar = ("last_used_at", True)
