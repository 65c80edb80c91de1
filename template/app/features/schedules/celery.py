"""How Celery is set up for RedBeat, which keeps the schedules in Redis."""

from typing import Any

from app.core.settings import CoreSettings

# How often beat looks what has changed, and one that stands by whether it is needed, in seconds.
LOOK = 5

# After this many seconds without a sign of the running beat, one that stands by takes over.
LOCK_TIMEOUT = 30


def configuration(settings: CoreSettings) -> dict[str, Any]:
    """Settings of Celery, on top of the core's."""
    return {
        "beat_scheduler": "app.features.schedules.scheduler:Scheduler",
        "beat_max_loop_interval": LOOK,
        # RedBeat wants both, and gets its connection from `scheduler.py`.
        "redbeat_redis_url": settings.redis_address,
        "redbeat_redis_options": {},
        "redbeat_key_prefix": f"{settings.db_schema}:beat:",
        "redbeat_lock_timeout": LOCK_TIMEOUT,
    }
