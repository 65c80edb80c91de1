"""How far a running task is, told from inside it."""

import time
from contextvars import ContextVar
from uuid import UUID

from app.core import context
from app.core.tasks import records

EVERY = 0.5  # seconds between two writes; reports in between are dropped

# Of the running task if a record stands behind it: when it last wrote.
last_report: ContextVar[float | None] = ContextVar("last_report", default=None)


class CancelledError(Exception):
    """Somebody asked the task to stop; let it pass, and clean up on its way."""


def progress(done: int, total: int) -> None:
    """Report that `done` of `total` are done, to whoever follows the task. Call it often.

    This is also where a task notices that it was cancelled. In a task without a record it does
    nothing.

    Raises:
        CancelledError: the task was asked to stop.
    """
    task_id, last = context.task_id.get(), last_report.get()
    if task_id is None or last is None:
        return
    now = time.monotonic()
    if done < total and now - last < EVERY:
        return
    last_report.set(now)
    if records.report(UUID(task_id), done, total):
        raise CancelledError("The task was asked to stop.")
