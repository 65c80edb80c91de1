"""Settings of Celery, and what the features bring to it."""

from typing import Any

from celery import Celery

from app.core.features import FeatureError, load
from app.core.maintenance import SCHEDULES
from app.core.redis import redis_key
from app.core.settings import CoreSettings
from app.core.tasks.application import celery

RESULT_EXPIRES = 86_400  # seconds; of tasks that switch Celery's own results on

# Connections that one process may open to Redis: publishing, results.
CONNECTIONS = {"small": (1, 2), "large": (10, 20)}


def configure_celery(settings: CoreSettings) -> Celery:
    """Apply the settings to the one Celery application and load every feature's tasks.

    Raises:
        FeatureError: a feature's tasks, schedules or configuration cannot be loaded, or a task may
            run too long.
    """
    # Several projects may share one database of one Redis.
    prefix = {"global_keyprefix": redis_key("")}
    publishing, results = CONNECTIONS[settings.redis_connections]
    celery.conf.update(
        broker_url=settings.redis_address,
        broker_connection_retry_on_startup=True,
        broker_pool_limit=publishing,
        broker_transport_options=prefix
        | {"visibility_timeout": settings.celery_visibility_timeout},
        result_backend=settings.redis_address,
        result_backend_transport_options=prefix,
        result_expires=RESULT_EXPIRES,
        redis_max_connections=results,
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
        # What becomes of a task stands in its record: see `app.core.tasks`.
        task_ignore_result=True,
        task_time_limit=settings.celery_time_limit,
        task_soft_time_limit=settings.celery_time_limit - 5,
        # Publishing from a request fails soon instead of holding the request.
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0.1, "interval_max": 0.1},
        timezone=settings.celery_timezone,
        beat_schedule=schedules(),
        beat_scheduler="app.core.beat:FileScheduler",
        # What was started is on disk at once: a beat that is killed does not start it again.
        beat_sync_every=1,
    )
    # A question to the workers goes out on the connection that waits for the answers. Celery would
    # take a second one out of the pool, and wait for ever for that of a pool of one.
    celery.control.mailbox.producer_pool = None  # type: ignore[attr-defined]
    for _, configuration in load("celery"):
        celery.conf.update(configuration(settings))
    load("tasks")
    for name, task in celery.tasks.items():
        if (task.time_limit or 0) > settings.celery_time_limit:
            raise FeatureError(
                f"Task {name} may run for {task.time_limit} s, which is longer than "
                f"CELERY_TIME_LIMIT={settings.celery_time_limit}: raise that, or Redis would "
                "deliver the task a second time while it runs."
            )
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
