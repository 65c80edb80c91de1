"""Measures every run of a task in a worker."""

import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from celery.exceptions import Ignore, Reject
from celery.signals import task_postrun, task_prerun

from app.core.tasks import SkipRunError
from app.core.tasks.progress import CancelledError
from app.core.tasks.records import LostClaimError
from app.extensions.metrics.recorder import TASKS, recorder

if TYPE_CHECKING:
    from celery.app.task import Task

SKIPPED = (SkipRunError, CancelledError, LostClaimError)

_started: ContextVar[float] = ContextVar("started", default=0.0)


def connect() -> None:
    """Measure the tasks of this process."""
    task_prerun.connect(_start)
    task_postrun.connect(_end)


def _start(**_: Any) -> None:
    _started.set(time.perf_counter())


def _end(task: "Task[Any, Any]", state: str, retval: Any, **_: Any) -> None:
    seconds = time.perf_counter() - _started.get()
    # Celery runs registered tasks only, so the names are few.
    recorder.observe(TASKS, (task.name, outcome(state, retval)), seconds)


def outcome(state: str, retval: Any) -> str:
    """Say how a run ended: see the help of `TASKS`."""
    if state in ("SUCCESS", "FAILURE"):
        return state.lower()
    if isinstance(retval, Reject):
        return "retry"
    cause = retval.__cause__ if isinstance(retval, Ignore) else None
    return "skipped" if cause is None or isinstance(cause, SKIPPED) else "retry"
