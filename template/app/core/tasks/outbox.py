"""The outbox: a task is a row of the caller's transaction, and a message once it is committed."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Engine, event, orm, text
from sqlmodel.ext.asyncio.session import AsyncSession
from uuid_utils.compat import uuid7

from app.core import context
from app.core.database.models import SCHEMA, utcnow
from app.core.features import load
from app.core.logging import get_logger
from app.core.tasks import records
from app.core.tasks.application import CARRIED
from app.core.tasks.definition import Call
from app.core.tasks.models import TaskRecord, TaskState
from app.core.tasks.relay import hand_over

log = get_logger(__name__)


def enqueue(
    session: orm.Session | AsyncSession,
    call: Call,
    *,
    owner: UUID | None = None,
    ordered_by: str | None = None,
    delay: timedelta = timedelta(),
) -> UUID:
    """Run a task once the session's transaction is committed. Return the id of the task.

    `owner` may follow it at `/tasks/{id}`; the default is the signed-in user. Tasks with the same
    `ordered_by` run one after the other, in the order in which they were enqueued.
    """
    user = context.user_id.get()
    record = TaskRecord(
        # Pydantic reads the signature of a default's factory each time, which takes longer than
        # the rest of this function.
        id=uuid7(),
        created_at=utcnow(),
        history=[],
        name=call.task.name,
        arguments=call.arguments,
        owner_id=owner or (UUID(user) if user else None),
        request_id=context.request_id.get(),
        ordered_by=ordered_by,
        headers=_headers(),
        due_at=utcnow() + delay if delay else None,
    )
    session.add(record)
    if not delay:
        session.info.setdefault(_ADDED, []).append(record.id)
    return record.id


def requeue(session: orm.Session | AsyncSession, record: TaskRecord) -> None:
    """Run a task that has ended once more, as if it were enqueued now."""
    reason = "an operator retries it"
    records.note(record, "requeued", reason=reason)
    log.warning("task_requeued", task=record.name, task_id=str(record.id), reason=reason)
    record.state = TaskState.PENDING
    record.attempts = record.deliveries = 0
    record.sent_at = record.started_at = record.ended_at = None
    record.progress_done = record.progress_total = None
    record.cancel_requested = False
    record.due_at = utcnow()
    session.info.setdefault(_ADDED, []).append(record.id)


def send(call: Call) -> UUID:
    """Send a task straight to Redis and return its id. Blocks.

    It has no record: it cannot be followed, it is not tried again, and Redis may lose it. Use it
    for work that a schedule repeats anyway, and `enqueue` for all other work.

    Raises:
        kombu.exceptions.OperationalError: Redis does not answer.
    """
    headers = _headers() | {name: variable.get() or "" for name, variable in CARRIED.items()}
    return UUID(call.task.celery.apply_async(kwargs=call.arguments, headers=headers).id)


def _headers() -> dict[str, str]:
    """Headers of features (`task_headers.py`), which tell the worker where a task comes from."""
    return {key: value for _, headers in load("task_headers") for key, value in headers().items()}


# SQLAlchemy calls the functions below for every session. A session keeps the ids of the records
# that its transaction has added in `session.info`. They are sent when the outermost transaction has
# ended with a commit, and dropped when it has ended in another way.

_ADDED, _COMMITTED = "outbox_added", "outbox_committed"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


@event.listens_for(orm.Session, "before_flush")
def _lock_keys(session: orm.Session, *_: object) -> None:
    """Make transactions that enqueue for the same `ordered_by` wait for each other.

    Postgres counts positions at the insert. Without the lock, the later of two transactions could
    commit first, and its task would run first.
    """
    keys = {
        record.ordered_by
        for record in session.new
        if isinstance(record, TaskRecord) and record.ordered_by
    }
    for key in sorted(keys):
        session.execute(_LOCK, {"key": f"{SCHEMA}.tasks:{key}"})


@event.listens_for(orm.Session, "after_commit")
def _mark_committed(session: orm.Session) -> None:
    # The release of a savepoint calls this too.
    if _ADDED in session.info and not session.in_nested_transaction():
        session.info[_COMMITTED] = session.info.pop(_ADDED)


@event.listens_for(orm.Session, "after_transaction_end")
def _send_committed(session: orm.Session, transaction: orm.SessionTransaction) -> None:
    # Not in `after_commit`, because there the session still holds its connection.
    if transaction.parent is not None:
        return
    session.info.pop(_ADDED, None)
    ids = session.info.pop(_COMMITTED, None)
    # A session on a connection of its caller, as in tests, has committed nothing for others.
    if ids and isinstance(engine := session.get_bind(), Engine):
        hand_over(engine, ids)
