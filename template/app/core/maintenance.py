"""Upkeep that every deployment needs, run by beat."""

import time
from typing import Any

from app.core.tasks import celery, store

HEARTBEAT_SECONDS = 20
HEARTBEAT_KEY = "heartbeat"


@celery.task(name="core.heartbeat", ignore_result=True)
def heartbeat() -> None:
    """Leave the time: it proves the whole way from beat through Redis to a worker."""
    store().set(HEARTBEAT_KEY, str(time.time()))


def heartbeat_age() -> float | None:
    """Seconds since the last heartbeat, or None where there never was one."""
    value = store().get(HEARTBEAT_KEY)
    return time.time() - float(value) if value else None


SCHEDULES: dict[str, dict[str, Any]] = {
    "core.heartbeat": {
        "task": "core.heartbeat",
        "schedule": HEARTBEAT_SECONDS,
        # Beats missed while no worker ran are of no use later.
        "options": {"expires": HEARTBEAT_SECONDS},
    }
}
