"""Request and response models of this feature."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from app.core.http.pagination import KeysetQuery
from app.core.http.schemas import ResponseModel
from app.core.tasks.models import TaskState


class TaskRead(ResponseModel):
    """A task, without the details for operators."""

    id: UUID
    name: str
    state: TaskState
    progress_done: int | None = Field(description="How much of `progress_total` is done.")
    progress_total: int | None
    cancel_requested: bool = Field(description="The task stops when it reports its progress.")
    result: Any | None = Field(description="Return value of a task that succeeded.")
    reason: str | None = Field(description="Why the task failed, if the task gives a reason.")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class TaskDetails(TaskRead):
    """A task as operators see it."""

    attempts: int
    error: str | None


class TaskQuery(KeysetQuery):
    """Which tasks to list."""

    state: TaskState | None = None
    everybody: bool = Field(default=False, description="The tasks of all users; for admins.")
