"""The outbox: a task becomes a row of the caller's transaction, and a message once committed.

A message may be sent twice (a process may die between sending and saying so), and a worker claims
the row before it runs: see `records`. What could not be sent is sent by the sweep.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Engine,
    Uuid,
    bindparam,
    event,
    func,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session as AnySession
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import context
from app.core.database.models import SCHEMA, utcnow
from app.core.logging import get_logger
from app.core.tasks.application import CARRIED, celery
from app.core.tasks.definition import Call
from app.core.tasks.models import UNFINISHED, TaskRecord, TaskState, tasks

DELIVERY = "delivery"  # header: the number of this delivery of a record; a record has one
BATCH = 100  # records in one transaction: they are locked while they are sent

log = get_logger(__name__)

Publish = Callable[[Sequence[Any]], None]


def enqueue(
    session: Session | AsyncSession,
    call: Call,
    *,
    owner: UUID | None = None,
    ordered_by: str | None = None,
    delay: timedelta = timedelta(),
) -> UUID:
    """Have a task run once the session's transaction is committed, and return its id.

    `owner` may follow it at `/tasks/{id}`; it is the signed-in user where none is given. Tasks with
    the same `ordered_by` run one after the other, in the order of their enqueuing.
    """
    user = context.user_id.get()
    record = TaskRecord(
        name=call.task.name,
        arguments=call.arguments,
        owner_id=owner or (UUID(user) if user else None),
        request_id=context.request_id.get(),
        ordered_by=ordered_by,
        due_at=utcnow() + delay if delay else None,
    )
    session.add(record)
    if not delay:
        _send_after_commit(session, record)
    return record.id


def send(call: Call) -> UUID:
    """Hand a task straight to Redis and return its id. Blocks.

    It has no record: nobody can follow it, it is not tried again, and Redis may lose it. For work
    that comes again by itself; everything else is `enqueue`'s.

    Raises:
        kombu.exceptions.OperationalError: Redis does not answer.
    """
    headers = {name: variable.get() or "" for name, variable in CARRIED.items()}
    return UUID(call.task.celery.apply_async(kwargs=call.arguments, headers=headers).id)


def requeue(session: Session | AsyncSession, record: TaskRecord) -> None:
    """Have a task that has ended run once more, as if it were enqueued now."""
    record.state = TaskState.PENDING
    record.attempts = record.deliveries = 0
    record.sent_at = record.started_at = record.ended_at = None
    record.progress_done = record.progress_total = None
    record.cancel_requested = False
    record.due_at = utcnow()
    _send_after_commit(session, record)


def _send_after_commit(session: Session | AsyncSession, record: TaskRecord) -> None:
    session.info.setdefault(_ADDED, []).append(record.id)


# --- From a commit to the message ---------------------------------------------------------------

_ADDED = "outbox_added"
_COMMITTED = "outbox_committed"


def relay(engine: Engine, ids: Sequence[UUID] | None = None, publish: Publish | None = None) -> int:
    """Send up to `BATCH` of these records, or of all that are due; return how many were sent.

    Others may do the same at once: each record is locked by one of them.

    Raises:
        kombu.exceptions.OperationalError: Redis does not answer; the records stay unsent.
    """
    with engine.begin() as connection:
        rows = connection.execute(_TAKE_THESE if ids else _TAKE_DUE, {"ids": ids}).all()
        (publish or publish_all)(sorted(rows, key=lambda row: row.position))
    return len(rows)


def publish_all(rows: Sequence[Any]) -> None:
    """Send one message for each row of `relay`, all in one round trip."""
    with celery.producer_or_acquire() as producer, producer.batch():
        for row in rows:
            celery.send_task(
                row.name,
                kwargs=row.arguments,
                task_id=str(row.id),
                producer=producer,
                # It stands in the record. Celery would subscribe to it in Redis for each task.
                ignore_result=True,
                headers={
                    DELIVERY: row.deliveries,
                    "request_id": row.request_id,
                    "user_id": str(row.owner_id) if row.owner_id else None,
                },
            )


def relay_here(engine: Engine, ids: Sequence[UUID]) -> None:
    """Send these records now, in this thread; what fails is left to the sweep."""
    try:
        for start in range(0, len(ids), BATCH):
            relay(engine, ids[start : start + BATCH])
    except Exception as error:  # noqa: BLE001 - committed: it must not look as if it were not
        wait_for_sweep(ids, error)


def wait_for_sweep(ids: Sequence[UUID], error: Exception) -> None:
    """Say that these records could not be sent now."""
    log.warning(
        "tasks_wait_for_sweep", count=len(ids), error=f"{type(error).__name__}: {error}"[:200]
    )


# Replaced in the API, where nothing may block: see `app.core.tasks.relay`.
deliver: Callable[[Engine, Sequence[UUID]], None] = relay_here


@event.listens_for(AnySession, "before_flush")
def _keep_order(session: AnySession, *_: object) -> None:
    """Let transactions that enqueue for the same key follow each other.

    Positions are counted at the insert, not at the commit: without this, the later of two could be
    committed, seen and run first.
    """
    keys = {
        record.ordered_by
        for record in session.new
        if isinstance(record, TaskRecord) and record.ordered_by
    }
    for key in sorted(keys):
        session.execute(_LOCK, {"key": f"{SCHEMA}.tasks:{key}"})


@event.listens_for(AnySession, "after_commit")
def _committed(session: AnySession) -> None:
    # Releasing a savepoint comes here, too; and a session on somebody else's connection commits
    # nothing, as in tests that roll back.
    if session.get_nested_transaction() or _ADDED not in session.info:
        return
    added = session.info.pop(_ADDED)
    if isinstance(session.get_bind(), Engine):
        session.info[_COMMITTED] = added


@event.listens_for(AnySession, "after_soft_rollback")
def _rolled_back(session: AnySession, previous: SessionTransaction) -> None:
    if previous.parent is None:
        session.info.pop(_ADDED, None)


@event.listens_for(AnySession, "after_transaction_end")
def _ended(session: AnySession, transaction: SessionTransaction) -> None:
    # Not in after_commit: here the session has given its connection back.
    if transaction.parent is None and (ids := session.info.pop(_COMMITTED, None)):
        bind = session.get_bind()
        assert isinstance(bind, Engine)
        deliver(bind, ids)


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


def _take(*conditions: Callable[[Any], Any]) -> Any:
    """A statement that marks records as sent and returns what their messages need."""
    record, earlier = tasks.alias("record"), tasks.alias("earlier")
    before = select(earlier.c.id).where(
        earlier.c.ordered_by == record.c.ordered_by,
        earlier.c.position < record.c.position,
        earlier.c.state.in_(UNFINISHED),
    )
    chosen = (
        select(record.c.id)
        .where(
            record.c.state == TaskState.PENDING,
            record.c.sent_at.is_(None),
            record.c.due_at <= func.now(),
            record.c.ordered_by.is_(None) | ~before.exists(),
            *(condition(record.c) for condition in conditions),
        )
        .order_by(record.c.position)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    needed = ("id", "position", "name", "arguments", "owner_id", "request_id", "deliveries")
    return (
        update(tasks)
        .where(tasks.c.id.in_(chosen))
        .values(sent_at=func.now(), deliveries=tasks.c.deliveries + 1)
        .returning(*(tasks.c[name] for name in needed))
    )


_TAKE_DUE = _take()
_TAKE_THESE = _take(lambda record: record.id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
