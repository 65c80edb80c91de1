"""The record of each enqueued task: the entry in the outbox, and the state of the task."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, cast
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, func, inspect, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from app.core.database.models import Model, UUIDKey, text_enum, utcnow

if TYPE_CHECKING:
    from sqlalchemy import Table


class TaskState(StrEnum):
    """The state of a task."""

    PENDING = "pending"
    STARTED = "started"
    SUCCESS = "success"
    FAILURE = "failure"
    REVOKED = "revoked"


UNFINISHED = (TaskState.PENDING, TaskState.STARTED)

_UNSENT = text("state = 'pending' AND sent_at IS NULL")
_ORDERED = text("ordered_by IS NOT NULL AND state IN ('pending', 'started')")
_SENT = text("state IN ('pending', 'started') AND sent_at IS NOT NULL")


class TaskRecord(UUIDKey, Model, table=True):
    """One enqueued task. Its key is also its id in Celery.

    The record of a failed task (a dead letter) stays until the task is retried.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_unsent", "due_at", postgresql_where=_UNSENT),
        Index("ix_tasks_ordered_by", "ordered_by", "position", postgresql_where=_ORDERED),
        Index("ix_tasks_sent", "sent_at", postgresql_where=_SENT),
        Index("ix_tasks_owner_id", "owner_id", "created_at", "id"),
        Index("ix_tasks_state", "state", "ended_at"),
    )

    # Many are inserted at once, and nothing reads the values that the database fills in.
    __mapper_args__: ClassVar = {"eager_defaults": False}

    # The database counts it, in the order of the inserts.
    position: int | None = Field(
        default=None, nullable=False, sa_type=BigInteger, sa_column_args=(Identity(),)
    )
    name: str = Field(max_length=200)
    arguments: dict[str, Any] = Field(sa_type=JSONB)
    # No foreign key: core has no users, and a record stays after its owner is deleted.
    owner_id: UUID | None = None
    request_id: str | None = Field(default=None, max_length=64)
    ordered_by: str | None = Field(default=None, max_length=200)
    # Further headers of its messages, which features add: see `outbox`.
    headers: dict[str, str] = Field(
        default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": text("'{}'")}
    )

    state: TaskState = Field(default=TaskState.PENDING, sa_type=text_enum(TaskState, "state"))
    deliveries: int = 0
    attempts: int = 0
    created_at: datetime = Field(default_factory=utcnow)
    # The database sets it, because the database compares it with its clock.
    due_at: datetime | None = Field(
        default=None, nullable=False, sa_column_kwargs={"server_default": func.now()}
    )
    sent_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    progress_done: int | None = None
    progress_total: int | None = None
    cancel_requested: bool = False
    result: Any | None = Field(default=None, sa_type=JSONB)
    # What happened, in order: `at`, `event`, and what belongs to it. See `records`.
    history: list[dict[str, Any]] = Field(
        default_factory=list, sa_type=JSONB, sa_column_kwargs={"server_default": text("'[]'")}
    )
    # The owner can read the reason, operators can read the error.
    reason: str | None = Field(default=None, max_length=500)
    error: str | None = Field(default=None, max_length=4000)


# The table of the model, for statements without entities.
tasks = cast("Table", inspect(TaskRecord).local_table)
