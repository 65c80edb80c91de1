"""Signs of life of a worker and of beat: a file with a fresh time, where ALIVE_FILE names one.

A probe that looks at it, such as `find FILE -mmin -1`, needs neither Python nor a connection.
"""

from pathlib import Path
from typing import Any

from celery.signals import after_task_publish, heartbeat_sent

from app.core.maintenance import heartbeat
from app.core.settings import get_settings


@heartbeat_sent.connect
def worker_lives(**_: Any) -> None:
    """Every two seconds while the worker has its broker, however busy its tasks keep it."""
    _touch()


@after_task_publish.connect
def beat_lives(sender: str, **_: Any) -> None:
    """With each heartbeat that beat has handed over."""
    if sender == heartbeat.name:
        _touch()


def _touch() -> None:
    if file := get_settings().alive_file:
        Path(file).touch()
