"""A task that waits for its test: `celery -A tests.core.tasks.probe_worker worker`."""

import time

from app.core.redis import store
from app.core.tasks import task
from app.worker import celery

__all__ = ["celery"]


@task(name="probe.slow")
def slow(key: str) -> str:
    """Count the start, wait for the test, count the end. The state is in Redis, below `key`."""
    client = store()
    client.incr(f"{key}:started")
    deadline = time.monotonic() + 60
    while not client.exists(f"{key}:go"):
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)
    client.incr(f"{key}:ended")
    return "done"
