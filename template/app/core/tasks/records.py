"""What happens to the record of a task: a worker claims it, and its run ends it once.

The number of the attempt identifies a run. If two workers have the same task, because one of them
seemed dead, only the run that claimed it last can end it.

Each change adds an entry to the history of the record. Those that explain why a task runs again or
not at all are a line in the logs, too: `task_claimed`, `task_requeued`, `task_failed` and
`task_cancelled`, with the attempt and the reason.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Executable,
    String,
    bindparam,
    case,
    func,
    null,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from app.core.database import execute, process_engine
from app.core.database.models import utcnow
from app.core.logging import get_logger
from app.core.tasks.models import TaskRecord, TaskState, tasks

FIRST_DELAY = 5.0  # seconds before the second attempt; doubled before each further one
LONGEST_DELAY = 600.0  # seconds
REASON = 200  # characters of an error that are kept in the history and logged
LEVELS = {"requeued": logging.WARNING, "failed": logging.ERROR}

# For the RETURNING of a change: what its log line needs.
CHANGED = (tasks.c.id, tasks.c.name, tasks.c.history[-1].label("change"))

log = get_logger(__name__)


class LostClaimError(Exception):
    """Another run has claimed the task, or it was cancelled. This run must commit nothing."""


class Claim(NamedTuple):
    """The right of one run to end a task."""

    task_id: UUID
    attempt: int
    ordered_by: str | None


def history_with(event: str, **facts: Any) -> ColumnElement[Any]:
    """The history with one more entry, for an UPDATE. Facts that are null are left out."""
    pairs = chain.from_iterable({"at": func.now(), "event": event, **facts}.items())
    entry = func.jsonb_strip_nulls(func.jsonb_build_object(*pairs))
    return tasks.c.history + func.jsonb_build_array(entry)


def note(record: TaskRecord, event: str, **facts: Any) -> None:
    """Add an entry to the history of a record that a session has locked."""
    entry = {"at": utcnow().isoformat(), "event": event, **facts}
    record.history = [*record.history, entry]


def log_changes(rows: Iterable[Mapping[Any, Any]], *, exc_info: bool = False) -> None:
    """Log the last change of each row of `CHANGED`."""
    for row in rows:
        facts = {"task": row["name"], "task_id": str(row["id"]), "exc_info": exc_info}
        facts |= {name: fact for name, fact in row["change"].items() if name != "at"}
        event = facts.pop("event")
        log.log(LEVELS.get(event, logging.INFO), f"task_{event}", **facts)


def claim(
    task_id: UUID, delivery: int, *, redelivered: bool, worker: str | None = None
) -> Claim | None:
    """Begin a run. Return None if the task has ended or another worker runs it.

    A redelivered message takes over a task that was started, because Redis holds a message back
    while its worker lives. A message that the sweep has replaced by a later delivery does not: the
    worker that has the later one may be alive.
    """
    values = {"delivery": delivery, "redelivered": redelivered, "worker": worker}
    if row := _execute(_CLAIM, task_id=task_id, **values):
        log_changes([row])
        return Claim(task_id, row["attempts"], row["ordered_by"])
    found = _execute(_STATE, task_id=task_id)
    reason = f"it is in state {found['state']}" if found else "it has no record"
    log.info("task_skipped", task_id=str(task_id), reason=reason)
    return None


def succeed(claim: Claim, result: Any, session: Session | None = None) -> None:
    """End a run with success, in the session of the task if it has one.

    Raises:
        LostClaimError: this run cannot end the task any more.
    """
    values = {"task_id": claim.task_id, "attempt": claim.attempt, "value": result}
    ended = (
        execute(session.connection(), _SUCCEED, values, session=session)
        if session
        else _execute(_SUCCEED, **values)
    )
    if not ended:
        raise LostClaimError


def retry(claim: Claim, error: str) -> None:
    """End a run that raised, and run the task again after a delay."""
    delay = min(FIRST_DELAY * 2 ** (claim.attempt - 1), LONGEST_DELAY)
    due_at = func.now() + timedelta(seconds=delay)
    _end(claim, "requeued", TaskState.PENDING, error, sent_at=None, due_at=due_at, ended_at=None)


def fail(claim: Claim, error: str, reason: str | None = None) -> bool:
    """End a task permanently; its owner can read the reason. Return False if the claim is lost."""
    return _end(claim, "failed", TaskState.FAILURE, error, reason=reason and reason[:500])


def revoke(claim: Claim) -> None:
    """End a run that stopped because the task was cancelled."""
    _end(claim, "cancelled", TaskState.REVOKED)


def report(task_id: UUID, done: int, total: int) -> bool:
    """Write the progress of a run. Return whether the task is to be cancelled."""
    statement = update(tasks).where(tasks.c.id == task_id)
    statement = statement.values(progress_done=done, progress_total=total)
    row = _execute(statement.returning(tasks.c.cancel_requested))
    return bool(row and row["cancel_requested"])


def _ending(**values: Any) -> ReturningUpdate[Any]:
    return (
        update(tasks)
        .where(
            tasks.c.id == bindparam("task_id"),
            tasks.c.state == TaskState.STARTED,
            tasks.c.attempts == bindparam("attempt"),
        )
        .values({"ended_at": func.now()} | values)
        .returning(*CHANGED)
    )


def _end(
    claim: Claim, event: str, state: TaskState, error: str | None = None, **values: Any
) -> bool:
    """End a run in this way; do nothing and return False if it has lost its claim."""
    if error:
        values["error"] = error[:4000]
    entry = history_with(event, attempt=claim.attempt, reason=error and error[:REASON])
    ending = _ending(state=state, history=entry, **values)
    row = _execute(ending, task_id=claim.task_id, attempt=claim.attempt)
    if row:
        log_changes([row], exc_info=event == "requeued")
    return bool(row)


def _execute(statement: Executable, **parameters: Any) -> dict[str, Any] | None:
    """Execute one statement without a transaction, which would take two more round trips."""
    with process_engine().connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        rows = execute(connection, statement, parameters)
    return rows[0] if rows else None


# Runs execute these, so they are compiled once.
_STATE = select(tasks.c.state).where(tasks.c.id == bindparam("task_id"))
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
        history=history_with(
            "claimed",
            attempt=tasks.c.attempts + 1,
            worker=bindparam("worker", type_=String),
            reason=case((tasks.c.state == TaskState.STARTED, "its worker died")),
        ),
    )
    .returning(*CHANGED, tasks.c.attempts, tasks.c.ordered_by)
)
_SUCCEED = _ending(
    state=TaskState.SUCCESS,
    result=bindparam("value", type_=JSONB(none_as_null=True)),
    error=null(),
    reason=null(),
    history=history_with("succeeded", attempt=tasks.c.attempts),
)
