"""Response models of this feature."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from app.core.schemas import Response


class TaskState(StrEnum):
    """Where a task stands."""

    PENDING = "pending"
    STARTED = "started"
    RETRY = "retry"
    SUCCESS = "success"
    FAILURE = "failure"
    REVOKED = "revoked"


class TaskRead(Response):
    """A task as its owner sees it."""

    id: str
    state: TaskState
    result: Any | None = Field(description="What a task that succeeded returned.")
