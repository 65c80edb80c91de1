"""What becomes of a record: claimed by a worker, ended once, tried again, given up.

A run is told apart by the number of its attempt: should two workers hold the same task, because one
was taken for dead, the first to be claimed again cannot end it any more.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB

from app.core.database import process_engine
from app.core.tasks.models import UNFINISHED, TaskState, tasks

FIRST_DELAY = 5.0  # seconds before the second try; twice as long before each further one
LONGEST_DELAY = 600.0  # seconds


class LostClaimError(Exception):
    """This run was taken for dead and the task given to another, or it was cancelled."""


class Claim(NamedTuple):
    """The right of one run to end a task."""

    task_id: UUID
    attempt: int
    ordered_by: str | None


def claim(task_id: UUID, delivery: int, *, redelivered: bool) -> Claim | None:
    """Begin a run; None where the task has ended, or another worker has it.

    A message that was redelivered takes the task over: Redis holds it back while its worker lives.
    Not so one that the sweep has replaced by a later delivery: whoever has that may be alive.
    """
    values = {"task_id": task_id, "delivery": delivery, "redelivered": redelivered}
    with _autocommit() as connection:
        row = connection.execute(_CLAIM, values).one_or_none()
    return Claim(task_id, row.attempts, row.ordered_by) if row else None


def success_statement(claim: Claim, result: Any) -> tuple[Any, dict[str, Any]]:
    """Return the statement and values that end a run well, for the task's own transaction.

    Give its first row to `ensure_claimed`.
    """
    return _SUCCEED, {"task_id": claim.task_id, "attempt": claim.attempt, "value": result}


def ensure_claimed(ended: object) -> None:
    """Make sure that the run could be ended.

    Raises:
        LostClaimError: it could not; nothing of it may be committed.
    """
    if ended is None:
        raise LostClaimError


def succeed(claim: Claim, result: Any) -> None:
    """End a run well that had no transaction of its own.

    Raises:
        LostClaimError: see `ensure_claimed`.
    """
    with _autocommit() as connection:
        ensure_claimed(connection.execute(*success_statement(claim, result)).first())


def fail(claim: Claim, error: Exception, reason: str | None, tries: int) -> bool:
    """End a run that raised; return whether it is tried again, later.

    With a `reason`, told to the owner, it is not, whatever `tries` says.
    """
    again = reason is None and claim.attempt < tries
    wait = min(FIRST_DELAY * 2 ** (claim.attempt - 1), LONGEST_DELAY)
    _end(
        claim,
        state=TaskState.PENDING if again else TaskState.FAILURE,
        sent_at=None,
        due_at=func.now() + timedelta(seconds=wait),
        ended_at=None if again else func.now(),
        reason=reason[:500] if reason else None,
        error=f"{type(error).__name__}: {error}"[:4000],
    )
    return again


def revoke(claim: Claim) -> None:
    """End a run that stopped because it was asked to."""
    _end(claim, state=TaskState.REVOKED, ended_at=func.now())


def fail_exhausted(claim: Claim) -> None:
    """End a task whose every run died with its worker: it would only take the next one along."""
    _end(
        claim,
        state=TaskState.FAILURE,
        ended_at=func.now(),
        error=f"The worker died in each of {claim.attempt - 1} runs.",
    )


def report(task_id: UUID, done: int, total: int) -> bool:
    """Write how far a run is; return whether it was asked to stop."""
    values = {"task_id": task_id, "done": done, "of": total}
    with _autocommit() as connection:
        return bool(connection.scalar(_REPORT, values))


def next_in_order(ordered_by: str) -> list[UUID]:
    """Ids of the first task that waits for its turn, if there is one."""
    with _autocommit() as connection:
        return list(connection.scalars(_NEXT, {"key": ordered_by}))


@contextmanager
def _autocommit() -> Iterator[Connection]:
    # Each is one statement: a transaction around it would be two more round trips.
    with process_engine().connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def _end(claim: Claim, **values: Any) -> None:
    statement = update(tasks).where(
        tasks.c.id == claim.task_id,
        tasks.c.state == TaskState.STARTED,
        tasks.c.attempts == claim.attempt,
    )
    with _autocommit() as connection:
        connection.execute(statement.values(values))


_CLAIM = (
    update(tasks)
    .where(
        tasks.c.id == bindparam("task_id"),
        or_(
            tasks.c.state == TaskState.PENDING,
            (tasks.c.state == TaskState.STARTED)
            & (tasks.c.deliveries == bindparam("delivery"))
            & bindparam("redelivered"),
        ),
    )
    .values(
        state=TaskState.STARTED,
        attempts=tasks.c.attempts + 1,
        # Who sent it may have died before it could say so.
        deliveries=func.greatest(tasks.c.deliveries, bindparam("delivery")),
        started_at=func.now(),
        sent_at=func.coalesce(tasks.c.sent_at, func.now()),
    )
    .returning(tasks.c.attempts, tasks.c.ordered_by)
)

_SUCCEED = (
    update(tasks)
    .where(
        tasks.c.id == bindparam("task_id"),
        tasks.c.state == TaskState.STARTED,
        tasks.c.attempts == bindparam("attempt"),
    )
    .values(
        state=TaskState.SUCCESS,
        ended_at=func.now(),
        result=bindparam("value", type_=JSONB(none_as_null=True)),
        error=null(),
        reason=null(),
    )
    .returning(tasks.c.id)
)

_REPORT = (
    update(tasks)
    .where(tasks.c.id == bindparam("task_id"))
    .values(progress_done=bindparam("done"), progress_total=bindparam("of"))
    .returning(tasks.c.cancel_requested)
)

_NEXT = (
    select(tasks.c.id)
    .where(tasks.c.ordered_by == bindparam("key"), tasks.c.state.in_(UNFINISHED))
    .order_by(tasks.c.position)
    .limit(1)
)
