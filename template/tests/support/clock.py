"""A clock that a test sets, for schedules."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from celery import Celery


class Clock:
    """A Celery application whose clock the test sets. `app.now()` is in its time zone."""

    def __init__(self, start: datetime, **settings: Any) -> None:
        self.time = start
        self.app = Celery("clock", set_as_current=False)
        self.app.conf.update(settings)
        setattr(self.app, "now", lambda: self.time.astimezone(self.app.timezone))  # noqa: B010

    def starts(
        self, entry: Any, until: datetime, step: timedelta, due: Callable[[Any], bool]
    ) -> list[str]:
        """The local times at which a scheduler that looks at every step starts the entry."""
        found = []
        while self.time < until:
            if due(entry):
                found.append(self.app.now().isoformat(timespec="minutes"))
                entry = next(entry)
            self.time += step
        return found
