"""Tasks on the admin site: what waits, what failed, and to try it again."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request

from app.core.database import Database
from app.core.tasks.models import TaskRecord, TaskState
from app.extensions.admin.actions import action
from app.extensions.admin.cards import Card, Row
from app.extensions.admin.filters import EnumFilter, day_range
from app.extensions.admin.formats import moment
from app.extensions.admin.views import View
from app.extensions.tasks import service

LAST_ERRORS = 5


class TaskAdmin(View, model=TaskRecord):
    """The records of tasks, which are the outbox as well: those without a time are not sent yet."""

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

    @action("Retry", "Run what failed again, with all its tries?")
    async def retry(self, _: Request, session: AsyncSession, task_id: UUID) -> None:
        """Run a failed task again."""
        await service.retry_task(session, task_id)

    @action("Cancel", "Stop what waits at once, and what runs at its next report of progress?")
    async def cancel(self, _: Request, session: AsyncSession, task_id: UUID) -> None:
        """Stop a task."""
        await service.cancel_task(session, None, task_id)


async def cards(request: Request) -> list[Card]:
    """Tasks by state, and the last that failed."""
    database: Database = request.app.state.database
    by_state = select(TaskRecord.state, func.count().label("count")).group_by(col(TaskRecord.state))
    counts = {row["state"]: row["count"] for row in await database.reader.rows(by_state)}
    failed = (
        select(TaskRecord.id, TaskRecord.name, TaskRecord.ended_at)
        .where(col(TaskRecord.state) == TaskState.FAILURE)
        .order_by(col(TaskRecord.ended_at).desc())
        .limit(LAST_ERRORS)
    )
    errors = await database.reader.rows(failed)
    listed = str(request.url_for("admin:list", identity="task-record"))
    return [
        Card(
            "Tasks",
            [
                Row(
                    state.value.capitalize(),
                    counts.get(state, 0),
                    f"{listed}?state={state.value}",
                    "red" if state is TaskState.FAILURE and counts.get(state) else None,
                )
                for state in TaskState
            ],
        ),
        Card(
            "Last errors",
            [
                Row(
                    row["name"],
                    moment(row["ended_at"]) if row["ended_at"] else "",
                    str(
                        request.url_for("admin:details", identity="task-record", pk=str(row["id"]))
                    ),
                )
                for row in errors
            ],
            empty="No task has failed.",
        ),
    ]
