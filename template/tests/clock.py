"""Time that passes as a test says, for schedules."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from celery import Celery


class Clock:
    """A Celery application whose clock is set by hand. `app.now()` is in its time zone."""

    def __init__(self, start: datetime, **settings: Any) -> None:
        self.time = start
        self.app = Celery("clock", set_as_current=False)
        self.app.conf.update(settings)
        setattr(self.app, "now", lambda: self.time.astimezone(self.app.timezone))  # noqa: B010

    def starts(
        self, entry: Any, until: datetime, step: timedelta, due: Callable[[Any], bool]
    ) -> list[str]:
        """When an entry of a scheduler is started, in local time, if it is looked at every step."""
        found = []
        while self.time < until:
            if due(entry):
                found.append(self.app.now().isoformat(timespec="minutes"))
                entry = next(entry)
            self.time += step
        return found
