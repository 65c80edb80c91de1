"""A file that a worker and beat touch while they work, if ALIVE_FILE names one.

A health check of a container, such as `find FILE -mmin -1`, then needs no Python and no connection.
"""

from pathlib import Path
from typing import Any

from celery import bootsteps
from celery.signals import after_task_publish

from app.core.settings import get_settings
from app.core.tasks.application import celery

TOUCH_SECONDS = 2.0


class TouchFile(bootsteps.StartStopStep):
    """Touches the file while the worker is connected to Redis, even if all its children work."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer: Any) -> None:
        """Start when the worker takes tasks; its loop calls the timer between messages."""
        _touch()
        self.timer = consumer.timer.call_repeatedly(TOUCH_SECONDS, _touch)

    def stop(self, _consumer: Any) -> None:
        """Stop with the connection; the worker starts this step again after it has reconnected."""
        self.timer.cancel()


celery.steps["consumer"].add(TouchFile)


@after_task_publish.connect
def _touch_by_beat(sender: str, **_: Any) -> None:
    # Only beat publishes the heartbeat.
    if sender == "core.heartbeat":
        _touch()


def _touch() -> None:
    if file := get_settings().alive_file:
        Path(file).touch()
