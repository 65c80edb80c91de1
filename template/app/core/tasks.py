"""The Celery application that tasks are declared on, and how a request hands work to it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun
from starlette.concurrency import run_in_threadpool

from app.core import context
from app.core.logging import configure_logging
from app.core.settings import get_settings

if TYPE_CHECKING:
    from celery.app.task import Task

RESULT_EXPIRES = 86_400  # seconds that a result, and the owner of a task, can be asked for

celery = Celery("app")


async def enqueue(task: "Task[Any, Any]", *, owner: UUID | None = None, **arguments: Any) -> str:
    """Hand a task to the workers and return its id.

    `owner` may ask for its state at `/tasks/{id}`. The request id travels along, into the worker's
    log lines.

    Raises:
        kombu.exceptions.OperationalError: Redis does not answer; nothing was handed over.
    """
    return await run_in_threadpool(_publish, task, owner, arguments)


def store() -> Any:
    """The result backend: a key-value store in Redis, with the project's prefix on every key."""
    return celery.backend


def owner_of(task_id: str) -> UUID | None:
    """Return who a task was enqueued for, or None where nobody, or nobody any more, is known."""
    value = store().get(_owner_key(task_id))
    return UUID(value.decode()) if value else None


def _publish(task: "Task[Any, Any]", owner: UUID | None, arguments: Mapping[str, Any]) -> str:
    headers = {"request_id": context.request_id.get() or ""}
    result = task.apply_async(kwargs=dict(arguments), headers=headers)
    if owner is not None:
        store().set(_owner_key(result.id), str(owner))
    return str(result.id)


def _owner_key(task_id: str) -> str:
    return f"task-owner-{task_id}"


@setup_logging.connect
def _setup_logging(**_: Any) -> None:
    # Connecting at all keeps Celery from configuring the logs its own way.
    configure_logging(get_settings())


@task_prerun.connect
def _bind(task_id: str, task: "Task[Any, Any]", **_: Any) -> None:
    context.task_id.set(task_id)
    context.request_id.set((task.request.headers or {}).get("request_id") or None)


@task_postrun.connect
def _unbind(**_: Any) -> None:
    context.task_id.set(None)
    context.request_id.set(None)
