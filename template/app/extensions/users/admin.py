"""Users on the admin site; those who wait for approval come first."""

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.extensions.admin import impersonation
from app.extensions.admin.actions import action
from app.extensions.admin.cards import Card, state_card
from app.extensions.admin.filters import EnumFilter, day_range
from app.extensions.admin.views import View
from app.extensions.users import service
from app.extensions.users.models import Role, Status, User


class UserAdmin(View, model=User):
    """Users. Actions change role and status, because the service checks the rules."""

    icon = "fa-solid fa-users"
    title_column = "email"
    can_edit = True
    form_columns: ClassVar = ["display_name"]
    column_list: ClassVar = ["email", "display_name", "status", "role", "created_at"]
    column_details_list = "__all__"
    column_searchable_list: ClassVar = ["email", "display_name"]
    column_sortable_list: ClassVar = ["email", "created_at"]
    column_filters: ClassVar = [
        EnumFilter(User.status, Status),
        EnumFilter(User.role, Role),
        *day_range(User.created_at),
    ]

    def sort_query(self, stmt: Select[Any], request: Request) -> Select[Any]:
        """Sort pending users first, then the newest, unless the request asks for another order."""
        if "sortBy" not in request.query_params:
            is_pending = (col(User.status) == Status.PENDING).desc()
            stmt = stmt.order_by(is_pending, col(User.created_at).desc())
        return super().sort_query(stmt, request)

    async def update_model(self, request: Request, pk: str, data: dict[str, Any]) -> Any:
        """See SQLAdmin; the API sees the change at once."""
        user = await super().update_model(request, pk, data)
        service.evict(user.id)
        return user

    @action("Approve", "Approve these users?")
    async def approve(self, _: Request, session: AsyncSession, user_id: UUID) -> None:
        """Approve a user who is pending, rejected or suspended."""
        await service.set_status(session, user_id, Status.APPROVED)

    @action("Reject", "Reject these users, who wait for approval?", reason=True)
    async def reject(self, _: Request, session: AsyncSession, user_id: UUID) -> None:
        """Reject a pending user."""
        await service.set_status(session, user_id, Status.REJECTED)

    @action("Suspend", "Suspend these users until they are approved again?", reason=True)
    async def suspend(self, _: Request, session: AsyncSession, user_id: UUID) -> None:
        """Suspend a user."""
        await service.set_status(session, user_id, Status.SUSPENDED)

    @action("Make admin", "Allow this user to change everything?", reason=True, in_list=False)
    async def make_admin(self, _: Request, session: AsyncSession, user_id: UUID) -> None:
        """Give a user the role admin."""
        await service.set_role(session, user_id, Role.ADMIN)

    @action("Make support", "Allow this user to see everything here?", reason=True, in_list=False)
    async def make_support(self, _: Request, session: AsyncSession, user_id: UUID) -> None:
        """Give a user the role support."""
        await service.set_role(session, user_id, Role.SUPPORT)

    @action("Remove role", "Take the role away from this user?", reason=True, in_list=False)
    async def make_user(self, _: Request, session: AsyncSession, user_id: UUID) -> None:
        """Give a user the role user, which has no rights on the site."""
        await service.set_role(session, user_id, Role.USER)

    @action(
        "Sign in as",
        "Act as this user for some minutes? Every request is logged with your name.",
        reason=True,
        in_list=False,
    )
    async def sign_in_as(self, request: Request, session: AsyncSession, user_id: UUID) -> Response:
        """Start an impersonation."""
        await impersonation.start(request, session, user_id)
        return RedirectResponse(request.url_for("admin:view-acting"), 303)


async def cards(request: Request) -> list[Card]:
    """Users by status."""
    return [
        await state_card(
            request, "Users", User.status, identity="user", alert=Status.PENDING, color="yellow"
        )
    ]
