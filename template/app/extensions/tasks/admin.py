"""Tasks on the admin site: their state and errors, with actions to retry and to cancel them."""

from typing import ClassVar
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request

from app.core.database import database_of
from app.core.http.lists import EVERYONE
from app.core.tasks.models import TaskRecord, TaskState
from app.extensions.admin.actions import action
from app.extensions.admin.cards import Card, Row, state_card
from app.extensions.admin.filters import EnumFilter, day_range
from app.extensions.admin.formats import format_time
from app.extensions.admin.views import View
from app.extensions.tasks import service

LAST_ERRORS = 5


class TaskAdmin(View, model=TaskRecord):
    """The records of tasks. A record without `sent_at` waits in the outbox."""

    name = "Task"
    icon = "fa-solid fa-gears"
    title_column = "name"
    links: ClassVar = {"owner_id": "users"}
    column_list: ClassVar = [
        "name",
        "state",
        "attempts",
        "owner_id",
        "created_at",
        "sent_at",
        "ended_at",
    ]
    column_details_list = "__all__"
    column_searchable_list: ClassVar = ["name"]
    column_sortable_list: ClassVar = ["created_at", "ended_at"]
    column_default_sort: ClassVar = ("created_at", True)
    column_filters: ClassVar = [
        EnumFilter(TaskRecord.state, TaskState),
        *day_range(TaskRecord.created_at),
    ]

    @action("Retry", "Run these failed tasks again, with all their attempts?")
    async def retry(self, _: Request, session: AsyncSession, task_id: UUID) -> None:
        """Run a failed task again."""
        await service.retry_task(session, task_id)

    @action("Cancel", "Cancel these tasks? A running task stops when it next reports progress.")
    async def cancel(self, _: Request, session: AsyncSession, task_id: UUID) -> None:
        """Cancel a task."""
        await service.cancel_task(session, EVERYONE, task_id)


async def cards(request: Request) -> list[Card]:
    """Tasks by state, and the last failed tasks."""
    failed = (
        select(TaskRecord.id, TaskRecord.name, TaskRecord.ended_at)
        .where(col(TaskRecord.state) == TaskState.FAILURE)
        .order_by(col(TaskRecord.ended_at).desc())
        .limit(LAST_ERRORS)
    )
    errors = [
        Row(
            row["name"],
            format_time(row["ended_at"]) if row["ended_at"] else "",
            str(request.url_for("admin:details", identity="task-record", pk=str(row["id"]))),
        )
        for row in await database_of(request).reader.rows(failed)
    ]
    return [
        await state_card(
            request,
            "Tasks",
            TaskRecord.state,
            identity="task-record",
            alert=TaskState.FAILURE,
            color="red",
        ),
        Card("Last errors", errors, empty="No task has failed."),
    ]
