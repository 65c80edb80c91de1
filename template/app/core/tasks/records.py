"""What happens to the record of a task: a worker claims it, and its run ends it once.

The number of the attempt identifies a run. If two workers have the same task, because one of them
seemed dead, only the run that claimed it last can end it.
"""

from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Executable, bindparam, func, null, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from app.core.database import process_engine
from app.core.tasks.models import TaskState, tasks

FIRST_DELAY = 5.0  # seconds before the second attempt; doubled before each further one
LONGEST_DELAY = 600.0  # seconds


class LostClaimError(Exception):
    """Another run has claimed the task, or it was cancelled. This run must commit nothing."""


class Claim(NamedTuple):
    """The right of one run to end a task."""

    task_id: UUID
    attempt: int
    ordered_by: str | None


def claim(task_id: UUID, delivery: int, *, redelivered: bool) -> Claim | None:
    """Begin a run. Return None if the task has ended or another worker runs it.

    A redelivered message takes over a task that was started, because Redis holds a message back
    while its worker lives. A message that the sweep has replaced by a later delivery does not: the
    worker that has the later one may be alive.
    """
    row = _execute(_CLAIM, task_id=task_id, delivery=delivery, redelivered=redelivered)
    return Claim(task_id, row.attempts, row.ordered_by) if row else None


def succeed(claim: Claim, result: Any, session: Session | None = None) -> None:
    """End a run with success, in the session of the task if it has one.

    Raises:
        LostClaimError: this run cannot end the task any more.
    """
    values = {"task_id": claim.task_id, "attempt": claim.attempt, "value": result}
    row = session.execute(_SUCCEED, values).first() if session else _execute(_SUCCEED, **values)
    if row is None:
        raise LostClaimError


def fail(claim: Claim, error: Exception, reason: str | None, tries: int) -> bool:
    """End a run that raised. Return whether the task will be tried again, after a delay.

    It will not if there is a `reason`, which its owner can read.
    """
    again = reason is None and claim.attempt < tries
    delay = min(FIRST_DELAY * 2 ** (claim.attempt - 1), LONGEST_DELAY)
    _end(
        claim,
        state=TaskState.PENDING if again else TaskState.FAILURE,
        sent_at=None,
        due_at=func.now() + timedelta(seconds=delay),
        ended_at=None if again else func.now(),
        reason=reason[:500] if reason else None,
        error=f"{type(error).__name__}: {error}"[:4000],
    )
    return again


def revoke(claim: Claim) -> None:
    """End a run that stopped because the task was cancelled."""
    _end(claim, state=TaskState.REVOKED)


def fail_exhausted(claim: Claim) -> None:
    """End a task whose worker died in each run: it would kill the next worker too."""
    error = f"The worker died in each of {claim.attempt - 1} runs."
    _end(claim, state=TaskState.FAILURE, error=error)


def report(task_id: UUID, done: int, total: int) -> bool:
    """Write the progress of a run. Return whether the task is to be cancelled."""
    statement = update(tasks).where(tasks.c.id == task_id)
    statement = statement.values(progress_done=done, progress_total=total)
    row = _execute(statement.returning(tasks.c.cancel_requested))
    return bool(row and row.cancel_requested)


def _ending(**values: Any) -> ReturningUpdate[Any]:
    return (
        update(tasks)
        .where(
            tasks.c.id == bindparam("task_id"),
            tasks.c.state == TaskState.STARTED,
            tasks.c.attempts == bindparam("attempt"),
        )
        .values({"ended_at": func.now()} | values)
        .returning(tasks.c.id)
    )


def _end(claim: Claim, **values: Any) -> None:
    _execute(_ending(**values), task_id=claim.task_id, attempt=claim.attempt)


def _execute(statement: Executable, **parameters: Any) -> Any:
    """Execute one statement without a transaction, which would take two more round trips."""
    with process_engine().connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        return connection.execute(statement, parameters).first()


# Every run executes these two, so they are built once.
_CLAIM = (
    update(tasks)
    .where(
        tasks.c.id == bindparam("task_id"),
        (tasks.c.state == TaskState.PENDING)
        | (tasks.c.state == TaskState.STARTED)
        & (tasks.c.deliveries == bindparam("delivery"))
        & bindparam("redelivered"),
    )
    .values(
        state=TaskState.STARTED,
        attempts=tasks.c.attempts + 1,
        # The sender may have died before it committed these two.
        deliveries=func.greatest(tasks.c.deliveries, bindparam("delivery")),
        sent_at=func.coalesce(tasks.c.sent_at, func.now()),
        started_at=func.now(),
    )
    .returning(tasks.c.attempts, tasks.c.ordered_by)
)
_SUCCEED = _ending(
    state=TaskState.SUCCESS,
    result=bindparam("value", type_=JSONB(none_as_null=True)),
    error=null(),
    reason=null(),
)
