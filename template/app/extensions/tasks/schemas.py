"""Request and response models of this feature."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from app.core.http.pagination import KeysetQuery
from app.core.http.schemas import ResponseModel
from app.core.tasks.models import TaskState


class TaskRead(ResponseModel):
    """A task as its owner sees it."""

    id: UUID
    name: str
    state: TaskState
    progress_done: int | None = Field(description="How much of `progress_total` is done.")
    progress_total: int | None
    cancel_requested: bool = Field(description="It stops when it next reports its progress.")
    result: Any | None = Field(description="What a task that succeeded returned.")
    reason: str | None = Field(description="Why it failed, where that can be told.")
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
