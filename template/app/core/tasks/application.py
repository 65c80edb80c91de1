"""The Celery application that tasks are declared on, and what its signals do for every task."""

from typing import TYPE_CHECKING, Any

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun
from kombu.transport import TRANSPORT_ALIASES

from app.core import context
from app.core.logging import configure_logging
from app.core.settings import get_settings

if TYPE_CHECKING:
    from celery.app.task import Context
    from celery.app.task import Task as CeleryTask

celery = Celery("app")

# By name: it is imported with the first connection.
TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "app.core.tasks.transport:Transport")

# What a message carries from the request that caused it into the worker's log lines.
CARRIED = {"request_id": context.request_id, "user_id": context.user_id}


def header(request: "Context", name: str) -> Any:
    """A header of the message that a running task came with, or None."""
    return (request.headers or {}).get(name)


@celery.on_after_configure.connect
def _configure(**_: Any) -> None:
    # API and worker configure at their start; a command that enqueues comes here.
    from app.core.celery_config import configure_celery

    configure_celery(get_settings())


@setup_logging.connect
def _setup_logging(**_: Any) -> None:
    # Connecting at all keeps Celery from configuring the logs its own way.
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
