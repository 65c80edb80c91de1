"""Settings of Celery, and what the features bring to it."""

from typing import Any

from celery import Celery

from app.core.features import FeatureError, load
from app.core.maintenance import SCHEDULES
from app.core.settings import CoreSettings
from app.core.tasks import RESULT_EXPIRES, celery

# A message is delivered again when it was not acknowledged for the visibility timeout. Were that
# shorter than the longest task, a slow one would run twice.
VISIBILITY_MARGIN = 300  # seconds


def configure_celery(settings: CoreSettings) -> Celery:
    """Apply the settings to the one Celery application and load every feature's tasks.

    Raises:
        FeatureError: a feature's tasks or schedules cannot be loaded.
    """
    # Several projects may share one database of one Redis.
    prefix = {"global_keyprefix": f"{settings.db_schema}:"}
    celery.conf.update(
        broker_url=settings.redis_url,
        broker_connection_retry_on_startup=True,
        # The smallest Redis plans allow 30 connections in all.
        broker_pool_limit=1,
        broker_transport_options=prefix
        | {
            "visibility_timeout": settings.celery_time_limit + VISIBILITY_MARGIN,
            "health_check_interval": 30,
            "socket_keepalive": True,
            "socket_connect_timeout": 5,
        },
        result_backend=settings.redis_url,
        result_backend_transport_options=prefix,
        result_expires=RESULT_EXPIRES,
        redis_max_connections=4,
        redis_socket_keepalive=True,
        redis_socket_timeout=5,
        redis_backend_health_check_interval=30,
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        # A task is not lost with its worker: acknowledge after, take one at a time.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_track_started=True,
        task_time_limit=settings.celery_time_limit,
        task_soft_time_limit=settings.celery_time_limit - 5,
        # Publishing from a request fails soon instead of holding the request.
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0.1, "interval_max": 0.1},
        timezone=settings.celery_timezone,
        beat_schedule=schedules(),
    )
    load("tasks")
    return celery


def schedules() -> dict[str, dict[str, Any]]:
    """Schedules of the machinery and of every loaded feature, by `feature.name`.

    Raises:
        FeatureError: a feature's key does not start with the feature's name.
    """
    found = dict(SCHEDULES)
    for feature, entries in load("schedules"):
        for key in entries:
            if not key.startswith(f"{feature.name}."):
                raise FeatureError(
                    f"Feature '{feature.name}': the schedule '{key}' must be named "
                    f"'{feature.name}.…'."
                )
        found |= entries
    return found
