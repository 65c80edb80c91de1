"""The progress of a running task, which the task reports itself."""

import time
from contextvars import ContextVar
from uuid import UUID

from app.core import context
from app.core.tasks import records

REPORT_SECONDS = 0.5  # between two writes; reports in between are dropped

# When the running task wrote its last report; None for a task without a record.
last_report: ContextVar[float | None] = ContextVar("last_report", default=None)


class CancelledError(Exception):
    """The task was cancelled. Let this exception pass; clean up in a `finally`."""


def progress(done: int, total: int) -> None:
    """Report that `done` of `total` are done, for those who follow the task. Call it often.

    A cancelled task stops here. In a task without a record this does nothing.

    Raises:
        CancelledError: the task was cancelled.
    """
    task_id, last = context.task_id.get(), last_report.get()
    if task_id is None or last is None:
        return
    now = time.monotonic()
    if done < total and now - last < REPORT_SECONDS:
        return
    last_report.set(now)
    if records.report(UUID(task_id), done, total):
        raise CancelledError("The task was asked to stop.")
