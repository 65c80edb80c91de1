"""Tells Sentry when a schedule starts its task, and how the task ends.

Sentry then reports a schedule that beat missed, and a task that no worker finished. It knows
crontabs and intervals of whole minutes; other schedules are left out.
"""

import re
from contextvars import ContextVar
from math import ceil
from typing import TYPE_CHECKING, Any

from celery.beat import Scheduler
from celery.exceptions import Ignore, Reject
from celery.schedules import crontab, schedule
from celery.signals import before_task_publish, task_postrun
from sentry_sdk.crons import MonitorStatus, capture_checkin

from app.core.settings import get_settings
from app.core.tasks import SkipRunError
from app.core.tasks.application import header

if TYPE_CHECKING:
    from celery.app.task import Task
    from sentry_sdk.types import MonitorConfig

HEADER = "check_in"  # of a message: the monitor and the id of the check-in
UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60))
LONGEST_NAME = 50  # characters of a monitor's name at Sentry

_started: ContextVar[list[str] | None] = ContextVar("started", default=None)


def connect(*, beat: bool) -> None:
    """Check in from beat, or from a worker."""
    if beat:
        _watch_scheduler()
        before_task_publish.connect(_add_header)
    else:
        task_postrun.connect(_finish)


def _watch_scheduler() -> None:
    apply_async = Scheduler.apply_async

    def watched(self: Scheduler, entry: Any, *arguments: Any, **named: Any) -> Any:
        _started.set(_start(entry.name, entry.schedule))
        try:
            return apply_async(self, entry, *arguments, **named)
        finally:
            _started.set(None)

    setattr(Scheduler, "apply_async", watched)  # noqa: B010 - for the type checker


def _start(name: str, when: Any) -> list[str] | None:
    config = monitor(when)
    if config is None:
        return None
    slug = re.sub(r"[^a-z0-9_-]+", "-", name.lower())[:LONGEST_NAME]
    check_in = capture_checkin(slug, status=MonitorStatus.IN_PROGRESS, monitor_config=config)
    return [slug, check_in] if check_in else None


def monitor(when: Any) -> "MonitorConfig | None":
    """Describe a schedule to Sentry; return None if Sentry does not know its kind."""
    settings = get_settings()
    config: MonitorConfig = {
        "timezone": settings.celery_timezone,
        "max_runtime": ceil(settings.celery_visibility_timeout / 60),  # minutes
    }
    if isinstance(when, crontab):
        fields = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
        text = " ".join(str(getattr(when, f"_orig_{field}")) for field in fields)
        config["schedule"] = {"type": "crontab", "value": text}
        return config
    if isinstance(when, schedule):
        for unit, seconds in UNITS:
            if when.seconds >= seconds and when.seconds % seconds == 0:
                value = int(when.seconds // seconds)
                config["schedule"] = {"type": "interval", "value": value, "unit": unit}  # type: ignore[typeddict-item]
                return config
    return None


def _add_header(headers: dict[str, Any], **_: Any) -> None:
    if started := _started.get():
        headers[HEADER] = started


def _finish(task: "Task[Any, Any]", state: str, retval: Any, **_: Any) -> None:
    started = header(task.request, HEADER)
    if started is None or isinstance(retval, Reject):  # another worker gets the message
        return
    skipped = isinstance(retval, Ignore) and isinstance(retval.__cause__, SkipRunError)
    fine = state == "SUCCESS" or skipped
    slug, check_in = started
    status = MonitorStatus.OK if fine else MonitorStatus.ERROR
    capture_checkin(slug, check_in, status=status)
