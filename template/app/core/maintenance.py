"""Upkeep that every deployment needs, run by beat."""

import time
from typing import Any

from app.core.database import process_engine
from app.core.redis import redis_key, store
from app.core.settings import get_settings
from app.core.tasks import task
from app.core.tasks.sweep import forget, sweep

HEARTBEAT_SECONDS = 20
HEARTBEAT_KEY = "heartbeat"
SWEEP_SECONDS = 5


@task(name="core.heartbeat")
def heartbeat() -> None:
    """Leave the time: it proves the whole way from beat through Redis to a worker."""
    store().set(redis_key(HEARTBEAT_KEY), str(time.time()))


def heartbeat_age() -> float | None:
    """Seconds since the last heartbeat, or None where there never was one."""
    value = store().get(redis_key(HEARTBEAT_KEY))
    return time.time() - float(value) if value else None


@task(name="core.sweep_tasks")
def sweep_tasks() -> None:
    """Bring back tasks that were left behind: see `app.core.tasks.sweep`."""
    sweep(process_engine(), longest_run=get_settings().celery_visibility_timeout)


@task(name="core.forget_tasks")
def forget_tasks() -> None:
    """Delete the records of tasks that ended long ago."""
    forget(process_engine(), get_settings().task_keep_days)


SCHEDULES: dict[str, dict[str, Any]] = {
    "core.heartbeat": {
        "task": "core.heartbeat",
        "schedule": HEARTBEAT_SECONDS,
        # Beats missed while no worker ran are of no use later.
        "options": {"expires": HEARTBEAT_SECONDS},
    },
    "core.sweep_tasks": {
        "task": "core.sweep_tasks",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "core.forget_tasks": {
        "task": "core.forget_tasks",
        "schedule": 3600,
        "options": {"expires": 3600},
    },
}
