"""How Celery is set up for RedBeat, which keeps the schedules in Redis."""

from typing import Any

from app.core.redis import store
from app.core.settings import CoreSettings
from app.core.tasks.application import celery

# How often beat looks what has changed, and one that stands by whether it is needed, in seconds.
LOOK = 5

# After this many seconds without a sign of the running beat, one that stands by takes over.
LOCK_TIMEOUT = 30


def configuration(settings: CoreSettings) -> dict[str, Any]:
    """Settings of Celery, and RedBeat's connection, which is the process's."""
    celery.redbeat_redis = store()  # type: ignore[attr-defined]
    return {
        "beat_scheduler": "app.extensions.schedules.scheduler:Scheduler",
        "beat_max_loop_interval": LOOK,
        # It asks for both, though it has its connection.
        "redbeat_redis_url": settings.redis_address,
        "redbeat_redis_options": {},
        "redbeat_key_prefix": f"{settings.db_schema}:beat:",
        "redbeat_lock_timeout": LOCK_TIMEOUT,
    }
