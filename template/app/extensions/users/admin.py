"""Users on the admin site: who waits for approval first."""

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Select, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.database import Database
from app.extensions.admin import act_as
from app.extensions.admin.actions import action
from app.extensions.admin.cards import Card, Row
from app.extensions.admin.filters import EnumFilter, day_range
from app.extensions.admin.views import View
from app.extensions.users import service
from app.extensions.users.models import Role, Status, User


class UserAdmin(View, model=User):
    """People, let in or not; role and status change by actions, which keep the rules."""

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
        """Who waits first, then the newest, unless another order was asked for."""
        if "sortBy" not in request.query_params:
            waits = (col(User.status) == Status.PENDING).desc()
            stmt = stmt.order_by(waits, col(User.created_at).desc())
        return super().sort_query(stmt, request)

    async def update_model(self, request: Request, pk: str, data: dict[str, Any]) -> Any:
        """See SQLAdmin; the API sees the change at once."""
        user = await super().update_model(request, pk, data)
        service.evict(user.id)
        return user

    @action("Approve", "Let them in?")
    async def approve(self, _: Request, session: AsyncSession, user_id: UUID) -> None:
        """Let somebody in, or in again."""
        await service.set_status(session, user_id, Status.APPROVED)

    @action("Reject", "Refuse those who wait for approval?", reason=True)
    async def reject(self, _: Request, session: AsyncSession, user_id: UUID) -> None:
        """Do not let somebody in."""
        await service.set_status(session, user_id, Status.REJECTED)

    @action("Suspend", "Shut them out until they are approved again?", reason=True)
    async def suspend(self, _: Request, session: AsyncSession, user_id: UUID) -> None:
        """Shut somebody out."""
        await service.set_status(session, user_id, Status.SUSPENDED)

    @action("Make admin", "Let them administer everything?", reason=True, in_list=False)
    async def make_admin(self, _: Request, session: AsyncSession, user_id: UUID) -> None:
        """Give the role admin."""
        await service.set_role(session, user_id, Role.ADMIN)

    @action("Make support", "Let them look at everything here?", reason=True, in_list=False)
    async def make_support(self, _: Request, session: AsyncSession, user_id: UUID) -> None:
        """Give the role support."""
        await service.set_role(session, user_id, Role.SUPPORT)

    @action("Make plain user", "Take their role away?", reason=True, in_list=False)
    async def make_user(self, _: Request, session: AsyncSession, user_id: UUID) -> None:
        """Give the role user."""
        await service.set_role(session, user_id, Role.USER)

    @action(
        "Sign in as",
        "Act as this user for some minutes? What you do is logged with your name.",
        reason=True,
        in_list=False,
    )
    async def sign_in_as(self, request: Request, session: AsyncSession, user_id: UUID) -> Response:
        """Act as a plain user."""
        await act_as.start(request, session, user_id)
        return RedirectResponse(request.url_for("admin:view-acting"), 303)


async def cards(request: Request) -> list[Card]:
    """How many there are, and how many wait."""
    database: Database = request.app.state.database
    statement = select(User.status, func.count().label("count")).group_by(col(User.status))
    counts = {row["status"]: row["count"] for row in await database.reader.rows(statement)}
    listed = str(request.url_for("admin:list", identity="user"))
    return [
        Card(
            "Users",
            [
                Row(
                    "Wait for approval" if status is Status.PENDING else status.value.capitalize(),
                    counts.get(status, 0),
                    f"{listed}?status={status.value}",
                    "yellow" if status is Status.PENDING and counts.get(status) else None,
                )
                for status in Status
            ],
        )
    ]
