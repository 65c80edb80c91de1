"""The configuration of Celery for RedBeat, which keeps the schedules in Redis."""

from typing import Any

from kombu.utils.url import maybe_sanitize_url

from app.core.redis import store
from app.core.settings import CoreSettings
from app.core.tasks.application import celery

# Seconds after which beat looks for changes, and a standby beat looks for the lock.
LOOK = 5

# Seconds after which the lock of a beat that died expires, so that a standby beat can take over.
LOCK_TIMEOUT = 30


def configuration(settings: CoreSettings) -> dict[str, Any]:
    """Return the settings, and give RedBeat the connections of the process."""
    celery.redbeat_redis = store()  # type: ignore[attr-defined]
    return {
        "beat_scheduler": "app.extensions.schedules.scheduler:Scheduler",
        "beat_max_loop_interval": LOOK,
        # RedBeat warns if one of these two is missing, although it has its connection. Celery and
        # Flower show both, so the address is without its password.
        "redbeat_redis_url": maybe_sanitize_url(settings.redis_address),
        "redbeat_redis_options": {},
        "redbeat_key_prefix": f"{settings.db_schema}:beat:",
        "redbeat_lock_timeout": LOCK_TIMEOUT,
    }
