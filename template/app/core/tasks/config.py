"""The settings of Celery, derived from the settings of the project."""

from typing import Any

from app.core.redis import CONNECTION_OPTIONS, redis_key
from app.core.settings import CoreSettings


def celery_settings(settings: CoreSettings) -> dict[str, Any]:
    """Return the configuration of Celery; features may override it, see `application`.

    By default, Celery accepts only JSON and keeps results for a day.
    """
    # Several projects may share one database of one Redis.
    prefix = {"global_keyprefix": redis_key("")}
    connections = 1 if settings.redis_connections == "small" else 10
    return {
        "broker_url": settings.redis_address,
        "broker_connection_retry_on_startup": True,
        "broker_pool_limit": connections,
        "broker_transport_options": {
            "visibility_timeout": settings.celery_visibility_timeout,
            **CONNECTION_OPTIONS,
            **prefix,
        },
        "result_backend": settings.redis_address,
        "result_backend_transport_options": prefix,
        "redis_max_connections": 2 * connections,
        "redis_socket_keepalive": True,
        "redis_socket_timeout": 5,
        "redis_backend_health_check_interval": 30,
        # A task is not lost with its worker: acknowledge after the run, take one at a time.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        # The record of a task has its result. A task may switch Celery's own results on.
        "task_ignore_result": True,
        "task_time_limit": settings.celery_time_limit,
        "task_soft_time_limit": settings.celery_time_limit - 5,
        # A request that publishes must fail soon and not wait.
        "task_publish_retry_policy": {
            "max_retries": 1,
            "interval_start": 0.1,
            "interval_max": 0.1,
        },
        "timezone": settings.celery_timezone,
        "beat_scheduler": "app.core.tasks.beat:FileScheduler",
        # The time of each start is written at once, so a beat that is killed repeats none.
        "beat_sync_every": 1,
    }
