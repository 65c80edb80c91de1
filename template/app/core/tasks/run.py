"""One run of a task in a worker."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from celery.app.task import Task as CeleryTask
from celery.exceptions import Ignore, Reject
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.core.database import process_engine, sync_session
from app.core.failures import report
from app.core.logging import get_logger
from app.core.redis import redis_key, store
from app.core.tasks import records
from app.core.tasks.application import header
from app.core.tasks.definition import SkipRunError, Task, TaskError, task_failure
from app.core.tasks.loop import process_database, run_on_loop
from app.core.tasks.progress import CancelledError, last_report
from app.core.tasks.records import Claim, LostClaimError
from app.core.tasks.relay import DELIVERY, send_next

if TYPE_CHECKING:
    from celery.app.task import Context

Arguments = tuple[tuple[Any, ...], dict[str, Any]]  # by position, and by name

REDELIVERIES_KEPT = 86_400  # seconds
DATABASE_PAUSE = 1.0  # seconds before a message goes back because the database is down

log = get_logger(__name__)


class RecordedTask(CeleryTask):  # type: ignore[type-arg]  # generic in the stubs only
    """Celery's side of a declared task."""

    declared: Task[..., Any] | None = None  # Celery's own tasks have none

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the declared task; see `run`."""
        if self.declared is None:
            return super().__call__(*args, **kwargs)
        return run(self.declared, self.request, *args, **kwargs)


def run(task: Task[..., Any], request: "Context", /, *args: Any, **kwargs: Any) -> Any:
    """Run a task once and keep its record. A task of `send` or of a schedule has no record.

    Raises:
        Ignore: the message is done with: the task has ended, another worker has it, or it will be
            sent again later.
        Reject: the database is down; the message goes back into the queue.
        Exception: the error of the task in its last run.
    """
    redelivered = bool((request.delivery_info or {}).get("redelivered"))
    delivery = header(request, DELIVERY)
    if delivery is None:
        attempt = 1 + _redeliveries(request) if redelivered else 1
        return _attempt(task, (args, kwargs), None, attempt)
    with _requeued_without_database(task):
        claim = records.claim(
            UUID(request.id), delivery, redelivered=redelivered, worker=request.hostname
        )
    if claim is None:
        raise Ignore
    try:
        return _attempt(task, (args, kwargs), claim, claim.attempt)
    finally:
        if claim.ordered_by:
            send_next(process_engine(), claim.ordered_by)


def _redeliveries(request: "Context") -> int:
    """Count how often a message without a record came back from a worker that died.

    Without a limit it would come back for ever and kill every worker.
    """
    client, name = store(), redis_key(f"redeliveries:{request.id}")
    count = int(client.incr(name))
    client.expire(name, REDELIVERIES_KEPT)
    return count


def _attempt(task: Task[..., Any], arguments: Arguments, claim: Claim | None, attempt: int) -> Any:
    if attempt > task.tries:
        reason = f"The worker died in each of {task.tries} runs."
        if claim is None or records.fail(claim, reason):
            report(task_failure(task.name, TaskError(reason)))
        if claim is None:
            log.error("task_failed", task=task.name, attempt=attempt, reason=reason)
        raise Ignore
    last_report.set(0.0 if claim else None)
    try:
        return _execute(task, arguments, claim)
    except SkipRunError as skipped:
        if claim:
            records.succeed(claim, None)
        raise Ignore from skipped
    except LostClaimError as error:
        reason = "another worker has claimed it, or it was cancelled"
        log.warning("task_lost_claim", task=task.name, attempt=attempt, reason=reason)
        raise Ignore from error
    except CancelledError as error:
        if claim:
            records.revoke(claim)
        raise Ignore from error
    except Exception as error:
        if claim is None:
            report(task_failure(task.name, error))
            raise
        text = f"{type(error).__name__}: {error}"
        with _requeued_without_database(task):
            if not isinstance(error, TaskError) and attempt < task.tries:
                records.retry(claim, text)
                raise Ignore from error
            for_owner = str(error) if isinstance(error, TaskError) else None
            if records.fail(claim, text, for_owner):
                report(task_failure(task.name, error))
        raise
    finally:
        last_report.set(None)


def _execute(task: Task[..., Any], arguments: Arguments, claim: Claim | None) -> Any:
    args, kwargs = arguments
    values = task.values(*args, **kwargs)
    if task.takes_session:
        if task.is_async:
            return run_on_loop(_in_async_session(task, values, claim))
        with sync_session() as session:
            return _commit(session, task, task.function(session, **values), claim)
    returned = task.function(**values)
    result = task.dump(run_on_loop(returned) if task.is_async else returned)
    if claim:
        records.succeed(claim, result)
    return result


async def _in_async_session(
    task: Task[..., Any], values: dict[str, Any], claim: Claim | None
) -> Any:
    async with process_database().session() as session:
        returned = await task.function(session, **values)
        return await session.run_sync(_commit, task, returned, claim)


def _commit(session: Session, task: Task[..., Any], returned: Any, claim: Claim | None) -> Any:
    result = task.dump(returned)
    if claim:
        records.succeed(claim, result, session)
    session.commit()
    return result


@contextmanager
def _requeued_without_database(task: Task[..., Any]) -> Iterator[None]:
    """Give the message back while the database is down, because no record knows of it then."""
    try:
        yield
    except DBAPIError as error:
        reason = f"the database is down: {error.orig}"[: records.REASON]
        log.warning("task_requeued", task=task.name, reason=reason)
        time.sleep(DATABASE_PAUSE)
        raise Reject(requeue=True) from error
