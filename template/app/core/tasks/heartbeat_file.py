"""Signs of life of a worker and of beat: a file with a fresh time, where ALIVE_FILE names one.

A probe that looks at it, such as `find FILE -mmin -1`, needs neither Python nor a connection.
"""

from pathlib import Path
from typing import Any

from celery import bootsteps
from celery.signals import after_task_publish

from app.core.settings import get_settings
from app.core.tasks.application import celery
from app.core.tasks.heartbeat import HEARTBEAT_TASK

EVERY = 2.0  # seconds


class WorkerLives(bootsteps.StartStopStep):
    """Touches the file while the worker has its broker, however busy its tasks keep it."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer: Any) -> None:
        """Begin once the worker takes tasks; its loop calls the timer between messages."""
        _touch()
        self.timer = consumer.timer.call_repeatedly(EVERY, _touch)

    def stop(self, _consumer: Any) -> None:
        """End with the connection; the worker starts again when it has a new one."""
        self.timer.cancel()


celery.steps["consumer"].add(WorkerLives)


@after_task_publish.connect
def beat_lives(sender: str, **_: Any) -> None:
    """Touch the file with each heartbeat that beat has handed over."""
    if sender == HEARTBEAT_TASK:
        _touch()


def _touch() -> None:
    if file := get_settings().alive_file:
        Path(file).touch()
