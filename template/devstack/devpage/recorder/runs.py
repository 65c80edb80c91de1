"""Records tasks: when they are enqueued, sent and run."""

import os
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from celery.beat import Scheduler
from celery.exceptions import Ignore, Reject
from celery.signals import before_task_publish, task_postrun, task_prerun
from sqlalchemy import Connection, event, orm

from app.core.tasks import SkipRunError
from app.core.tasks.models import TaskRecord
from app.core.tasks.progress import CancelledError
from app.core.tasks.records import LostClaimError
from devstack.devpage.recorder import sender
from devstack.devpage.recorder.entry import Entry, current, record
from devstack.devpage.recorder.errors import described
from devstack.devpage.recorder.task_headers import PARENT

if TYPE_CHECKING:
    from celery.app.task import Task

ADDED = "devpage_added"

# The schedule whose task beat is sending: several schedules may have one task.
_schedule: ContextVar[str | None] = ContextVar("devpage_schedule", default=None)
_started: ContextVar[float] = ContextVar("devpage_started", default=0.0)


def install() -> None:
    """Record tasks from now on."""
    before_task_publish.connect(_publish, weak=False, dispatch_uid="devpage")
    task_prerun.connect(_start, weak=False, dispatch_uid="devpage")
    task_postrun.connect(_end, weak=False, dispatch_uid="devpage")
    for target, name, listener in (
        (TaskRecord, "after_insert", _inserted),
        (orm.Session, "after_commit", _committed),
        (orm.Session, "after_rollback", _rolled_back),
    ):
        if not event.contains(target, name, listener):
            event.listen(target, name, listener)


def watch_scheduler() -> None:
    """Record which schedule a task is sent for, in beat."""
    apply_async = Scheduler.apply_async

    def watched(self: Scheduler, entry: Any, *arguments: Any, **named: Any) -> Any:
        token = _schedule.set(entry.name)
        try:
            return apply_async(self, entry, *arguments, **named)
        finally:
            _schedule.reset(token)

    setattr(Scheduler, "apply_async", watched)  # noqa: B010 - for the type checker


def _inserted(_mapper: object, _connection: Connection, task: TaskRecord) -> None:
    session = orm.object_session(task)
    if session is not None:
        # An attribute that the database has set would be read with another statement.
        due = task.__dict__.get("due_at")
        session.info.setdefault(ADDED, []).append((str(task.id), task.name, due))


def _committed(session: orm.Session) -> None:
    if session.in_nested_transaction():  # the release of a savepoint
        return
    entry = current.get()
    for task_id, name, due in session.info.pop(ADDED, ()):
        sender.send(
            "task",
            task_id=task_id,
            name=name,
            state="pending",
            parent=entry.id if entry else None,
            due=due.timestamp() if due else None,
        )


def _rolled_back(session: orm.Session) -> None:
    session.info.pop(ADDED, None)


def _publish(sender: str, headers: dict[str, Any], **_: Any) -> None:
    _send_task(str(headers["id"]), sender, headers.get(PARENT))


def _send_task(task_id: str, name: str, parent: str | None) -> None:
    schedule = _schedule.get()
    sender.send("task", task_id=task_id, name=name, state="sent", parent=parent, schedule=schedule)


def _start(task_id: str, task: "Task[Any, Any]", **_: Any) -> None:
    headers = task.request.headers or {}
    current.set(Entry("tasks", task_id))
    _started.set(time.perf_counter())
    record(
        "run",
        task_id=task_id,
        name=task.name,
        parent=headers.get(PARENT),
        request_id=headers.get("request_id"),
        process=f"worker {os.getpid()}",
    )


def _end(state: str, retval: Any, **_: Any) -> None:
    error = retval.__cause__ if isinstance(retval, Ignore | Reject) else retval
    outcome = state.lower()
    if isinstance(error, SkipRunError):
        outcome = "skipped"
    elif isinstance(error, CancelledError):
        outcome = "cancelled"
    elif isinstance(error, LostClaimError) or (error is None and state == "IGNORED"):
        outcome = "ignored"
    elif isinstance(error, BaseException):
        if isinstance(retval, Ignore | Reject):
            # A final failure is reported, see `failures`.
            record("error", **described(error))
            outcome = "retry"
        else:
            outcome = "failure"
    ms = round((time.perf_counter() - _started.get()) * 1000, 2)
    record("ran", state=outcome, ms=ms)
    current.set(None)
