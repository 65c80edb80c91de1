"""A task that takes as long as a test says: `celery -A tests.core.tasks.probe_worker worker`."""

import time

from app.core.redis import store
from app.core.tasks import task
from app.worker import celery

__all__ = ["celery"]


@task(name="probe.slow")
def slow(key: str) -> str:
    """Count a start, wait to be told, count an end. The state lies in Redis, below `key`."""
    client = store()
    client.incr(f"{key}:started")
    deadline = time.monotonic() + 60
    while not client.exists(f"{key}:go"):
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)
    client.incr(f"{key}:ended")
    return "done"
