"""The settings of Celery, as they follow from ours."""

from typing import Any

from app.core.redis import redis_key
from app.core.settings import CoreSettings

RESULT_EXPIRES = 86_400  # seconds; of tasks that switch Celery's own results on

# Connections that one process may open to Redis: publishing, results.
CONNECTIONS = {"small": (1, 2), "large": (10, 20)}


def celery_settings(settings: CoreSettings) -> dict[str, Any]:
    """Return what Celery is configured with; features may override it, see `application`."""
    # Several projects may share one database of one Redis.
    prefix = {"global_keyprefix": redis_key("")}
    publishing, results = CONNECTIONS[settings.redis_connections]
    return {
        "broker_url": settings.redis_address,
        "broker_connection_retry_on_startup": True,
        "broker_pool_limit": publishing,
        "broker_transport_options": prefix
        | {"visibility_timeout": settings.celery_visibility_timeout},
        "result_backend": settings.redis_address,
        "result_backend_transport_options": prefix,
        "result_expires": RESULT_EXPIRES,
        "redis_max_connections": results,
        "redis_socket_keepalive": True,
        "redis_socket_timeout": 5,
        "redis_backend_health_check_interval": 30,
        "accept_content": ["json"],
        "task_serializer": "json",
        "result_serializer": "json",
        # A task is not lost with its worker: acknowledge after the run, take one at a time.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        # The result of a task is in its record: see `app.core.tasks`.
        "task_ignore_result": True,
        "task_time_limit": settings.celery_time_limit,
        "task_soft_time_limit": settings.celery_time_limit - 5,
        # Publishing from a request fails soon instead of holding the request.
        "task_publish_retry_policy": {
            "max_retries": 1,
            "interval_start": 0.1,
            "interval_max": 0.1,
        },
        "timezone": settings.celery_timezone,
        "beat_scheduler": "app.core.tasks.beat:FileScheduler",
        # The time of each start is on disk at once: a beat that is killed does not repeat it.
        "beat_sync_every": 1,
    }
