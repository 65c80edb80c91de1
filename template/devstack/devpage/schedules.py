"""The schedules of the project, with the time of the next run."""

from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Celery
from celery.schedules import crontab


def listed(schedules: list[dict[str, Any]], sent: dict[str, float]) -> list[dict[str, Any]]:
    """Add `last` and `next` to each schedule, in seconds since 1970, None if they are unknown."""
    return [
        {**each, "last": sent.get(each["name"]), "next": _next(each, sent.get(each["name"]))}
        for each in schedules
    ]


def _next(schedule: dict[str, Any], last: float | None) -> float | None:
    if schedule["every"]:
        return last + schedule["every"] if last else None
    if not schedule["crontab"]:
        return None
    app = Celery(set_as_current=False)
    app.conf.update(timezone=schedule["timezone"])
    now = datetime.now(UTC)
    minute, hour, day, month, weekday = schedule["crontab"].split(" ")
    when = crontab(minute, hour, weekday, day, month, nowfun=lambda: now, app=app)
    wait: timedelta = when.remaining_estimate(now)
    return (now + wait).timestamp()
