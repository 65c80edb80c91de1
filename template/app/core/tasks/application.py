"""The one Celery application: how it is configured, and what its signals do for every task."""

from typing import TYPE_CHECKING, Any

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun
from kombu.transport import TRANSPORT_ALIASES

from app.core import context
from app.core.features import FeatureError, load
from app.core.logging import configure_logging
from app.core.settings import CoreSettings, get_settings
from app.core.tasks.config import celery_settings

if TYPE_CHECKING:
    from celery.app.task import Context
    from celery.app.task import Task as CeleryTask

# The class of tasks by its name: it is imported with the first task, and imports this module.
celery = Celery("app", task_cls="app.core.tasks.run:RecordedTask")

# By its name as well: it is imported with the first connection.
TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "app.core.tasks.transport:Transport")

# What a message carries from the request that caused it into the worker's log lines.
CARRIED = {"request_id": context.request_id, "user_id": context.user_id}


def configure_celery(settings: CoreSettings) -> Celery:
    """Apply the settings to the Celery application and load the tasks of core and every feature.

    Raises:
        FeatureError: a feature's tasks, schedules or configuration cannot be loaded, or a task may
            run too long.
    """
    celery.conf.update(celery_settings(settings), beat_schedule=schedules())
    # A question to the workers is sent on the connection that waits for the answers. Celery would
    # take a second one out of the pool, and wait for ever if that pool has only one.
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
    """Schedules of core and of every loaded feature, by `feature.name`.

    Raises:
        FeatureError: a feature's key does not start with the feature's name.
    """
    found: dict[str, dict[str, Any]] = {}
    for feature, entries in load("schedules"):
        for key in entries:
            if not key.startswith(f"{feature.name}."):
                raise FeatureError(
                    f"Feature '{feature.name}': the schedule '{key}' must be named "
                    f"'{feature.name}.…'."
                )
        found |= entries
    return found


def header(request: "Context", name: str) -> Any:
    """A header of the message that a running task came with, or None."""
    return (request.headers or {}).get(name)


@celery.on_after_configure.connect
def _configure(**_: Any) -> None:
    # API and worker configure Celery when they start; a command that enqueues does it here.
    configure_celery(get_settings())


@setup_logging.connect
def _setup_logging(**_: Any) -> None:
    # A connected handler keeps Celery from configuring the logs its own way.
    configure_logging(get_settings())


@task_prerun.connect
def _bind(task_id: str, task: "CeleryTask[Any, Any]", **_: Any) -> None:
    context.task_id.set(task_id)
    for name, variable in CARRIED.items():
        variable.set(header(task.request, name) or None)


@task_postrun.connect
def _unbind(**_: Any) -> None:
    for variable in context.BOUND.values():
        variable.set(None)
