"""One run of a task in a worker."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from celery.app.task import Task as CeleryTask
from celery.exceptions import Ignore, Reject
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from app.core.database import process_engine
from app.core.logging import get_logger
from app.core.redis import redis_key, store
from app.core.tasks import records
from app.core.tasks.application import header
from app.core.tasks.definition import SkipRunError, Task, TaskError
from app.core.tasks.loop import process_database, run_on_loop
from app.core.tasks.outbox import DELIVERY, relay_here, wait_for_sweep
from app.core.tasks.progress import CancelledError, last_report
from app.core.tasks.records import Claim, LostClaimError

if TYPE_CHECKING:
    from celery.app.task import Context

REDELIVERIES_KEPT = 86_400  # seconds
DATABASE_PAUSE = 1.0  # seconds before a message goes back because the database is away

log = get_logger(__name__)


class RecordedTask(CeleryTask):  # type: ignore[type-arg]  # generic in the stubs only
    """Celery's task behind a declared one."""

    declared: Task[..., Any]

    def __call__(self, **arguments: Any) -> Any:
        """Run the declared task; see `run`."""
        return run(self.declared, self.request, arguments)


def run(task: Task[..., Any], request: "Context", arguments: dict[str, Any]) -> Any:
    """Run a task once and keep its record; a task of `send` or a schedule has no record.

    Raises:
        Ignore: the message is done with: the task has ended, another worker has it, or it will be
            sent again later.
        Reject: the database is away; the message goes back into the queue.
        Exception: what the task raised, in its last run.
    """
    redelivered = bool((request.delivery_info or {}).get("redelivered"))
    delivery = header(request, DELIVERY)
    if delivery is None:
        if redelivered and _redeliveries(request) >= task.tries:
            log.error("task_given_up", task=task.name, attempts=task.tries)
            raise Ignore
        try:
            return _execute(task, arguments, None)
        except SkipRunError as skipped:
            raise Ignore from skipped
    with _requeued_without_database():
        claim = records.claim(UUID(request.id), delivery, redelivered=redelivered)
    if claim is None:
        log.info("task_skipped", task=task.name)
        raise Ignore
    try:
        return _recorded(task, arguments, claim)
    finally:
        if claim.ordered_by:
            _relay_next(claim.ordered_by)


def _redeliveries(request: "Context") -> int:
    """Count how often a message without a record came back from a worker that died.

    It would come back for ever, and take each worker along.
    """
    client, name = store(), redis_key(f"redeliveries:{request.id}")
    count = int(client.incr(name))
    client.expire(name, REDELIVERIES_KEPT)
    return count


def _recorded(task: Task[..., Any], arguments: dict[str, Any], claim: Claim) -> Any:
    if claim.attempt > task.tries:
        records.fail_exhausted(claim)
        log.error("task_given_up", task=task.name, attempts=claim.attempt - 1)
        raise Ignore
    last_report.set(0.0)
    try:
        return _execute(task, arguments, claim)
    except SkipRunError as skipped:
        records.succeed(claim, None)
        raise Ignore from skipped
    except LostClaimError as error:
        log.warning("task_lost_claim", task=task.name)
        raise Ignore from error
    except CancelledError as error:
        records.revoke(claim)
        log.info("task_cancelled", task=task.name)
        raise Ignore from error
    except Exception as error:
        reason = str(error) if isinstance(error, TaskError) else None
        with _requeued_without_database():
            again = records.fail(claim, error, reason, task.tries)
        if not again:
            raise
        log.warning("task_fails", task=task.name, attempt=claim.attempt, exc_info=True)
        raise Ignore from error
    finally:
        last_report.set(None)


def _execute(task: Task[..., Any], arguments: dict[str, Any], claim: Claim | None) -> Any:
    values = task.values(arguments)
    if not task.takes_session:
        returned = task.function(**values)
        result = task.dump(run_on_loop(returned) if task.is_async else returned)
        if claim:
            records.succeed(claim, result)
        return result
    if task.is_async:
        return run_on_loop(_in_async_session(task, values, claim))
    with Session(process_engine(), expire_on_commit=False) as session:
        result = task.dump(task.function(session, **values))
        if claim:
            statement, parameters = records.success_statement(claim, result)
            records.ensure_claimed(session.exec(statement, params=parameters).first())
        session.commit()
    return result


async def _in_async_session(
    task: Task[..., Any], values: dict[str, Any], claim: Claim | None
) -> Any:
    async with process_database().session() as session:
        result = task.dump(await task.function(session, **values))
        if claim:
            statement, parameters = records.success_statement(claim, result)
            records.ensure_claimed((await session.exec(statement, params=parameters)).first())
        await session.commit()
    return result


def _relay_next(ordered_by: str) -> None:
    try:
        following = records.next_in_order(ordered_by)
    except DBAPIError as error:
        wait_for_sweep([], error)
    else:
        relay_here(process_engine(), following)


@contextmanager
def _requeued_without_database() -> Iterator[None]:
    """Give the message back while the database is away: it alone knows of the task then."""
    try:
        yield
    except DBAPIError as error:
        log.warning("task_waits_for_database", error=str(error.orig)[:200])
        time.sleep(DATABASE_PAUSE)
        raise Reject(requeue=True) from error
