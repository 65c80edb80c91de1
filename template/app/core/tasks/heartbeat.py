"""The heartbeat: a time in Redis that beat has a worker write every few seconds."""

import time

from app.core.redis import redis_key, store

HEARTBEAT_SECONDS = 20
HEARTBEAT_KEY = "heartbeat"
HEARTBEAT_TASK = "core.heartbeat"


def write() -> None:
    """Write the time now."""
    store().set(redis_key(HEARTBEAT_KEY), str(time.time()))


def heartbeat_age() -> float | None:
    """Seconds since the last heartbeat, or None if there has never been one."""
    value = store().get(redis_key(HEARTBEAT_KEY))
    return time.time() - float(value) if value else None
