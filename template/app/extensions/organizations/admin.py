"""Organizations on the admin site."""

from typing import Any, ClassVar
from uuid import UUID

from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request

from app.core.errors import InvalidError
from app.extensions.admin.actions import action
from app.extensions.admin.filters import InputFilter, day_range
from app.extensions.admin.views import View
from app.extensions.organizations.models import Invitation, Member, Organization
from app.extensions.organizations.schemas import OrganizationName
from app.extensions.organizations.service import organizations


class OrganizationAdmin(View, model=Organization):
    """All organizations, also those that are deleted and not yet removed."""

    icon = "fa-solid fa-building"
    title_column = "slug"
    can_edit = True
    form_columns: ClassVar = ["name"]
    column_list: ClassVar = ["slug", "name", "personal_of", "created_at", "deleted_at"]
    column_details_list = "__all__"
    column_searchable_list: ClassVar = ["slug", "name"]
    column_sortable_list: ClassVar = ["slug", "created_at", "deleted_at"]
    column_default_sort: ClassVar = ("created_at", True)
    column_filters: ClassVar = [*day_range(Organization.created_at)]

    async def update_model(self, _: Request, pk: str, data: dict[str, Any]) -> Any:
        """See SQLAdmin; a name follows the rules of the API, and features hear of a change."""
        try:
            name = OrganizationName.model_validate({"name": data["name"]}).name
        except ValidationError as error:
            raise InvalidError(f"Name: {error.errors()[0]['msg']}.") from error
        async with self.session_maker(expire_on_commit=False) as session:
            return await organizations.set_name(session, UUID(pk), name)

    @action("Delete", "Close these organizations? They can be restored for some days.", reason=True)
    async def close(self, _: Request, session: AsyncSession, organization_id: UUID) -> None:
        """Delete an organization for all its members."""
        await organizations.set_deleted(session, organization_id, deleted=True)

    @action("Restore", "Open these organizations to their members again?", reason=True)
    async def restore(self, _: Request, session: AsyncSession, organization_id: UUID) -> None:
        """Undo a deletion."""
        await organizations.set_deleted(session, organization_id, deleted=False)


class MemberAdmin(View, model=Member):
    """Who is in which organization."""

    icon = "fa-solid fa-people-group"
    can_view_details = False  # its key has two columns
    column_list: ClassVar = ["organization_id", "user_id", "role", "created_at"]
    column_default_sort: ClassVar = ("created_at", True)
    column_filters: ClassVar = [InputFilter(Member.role), *day_range(Member.created_at)]


class InvitationAdmin(View, model=Invitation):
    """Invitations that nobody has accepted yet."""

    icon = "fa-solid fa-envelope-open"
    title_column = "email"
    column_list: ClassVar = ["email", "organization_id", "role", "created_at", "expires_at"]
    column_details_list: ClassVar = [*column_list, "invited_by"]
    column_searchable_list: ClassVar = ["email"]
    column_default_sort: ClassVar = ("created_at", True)
