"""Sends committed records to Redis, as messages for the workers.

A process may die between sending a message and committing that it did, and then the message is sent
twice. This is safe, because a worker claims the record before it runs the task: see `records`.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Engine, Uuid, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util.concurrency import await_, greenlet_spawn, in_greenlet

from app.core.database import execute
from app.core.logging import get_logger
from app.core.tasks.application import celery
from app.core.tasks.models import UNFINISHED, TaskState, tasks
from app.core.tasks.records import history_with

DELIVERY = "delivery"  # header of a message: the number of this delivery of its record
# Columns that a message is made of, and the order of the messages.
SENT = ("id", "name", "arguments", "headers", "deliveries", "request_id", "owner_id", "position")
BATCH = 100  # records in one transaction; they are locked while they are sent

log = get_logger(__name__)


class Relay:
    """Sends the tasks of one engine in the background, so that no request waits for Redis.

    Use it as a context. `hand_over` finds it in the options of the engine.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.sync_engine
        self._ids: list[UUID] = []
        self._wake = asyncio.Event()
        self._stopping = False

    async def __aenter__(self) -> "Relay":
        self._engine.update_execution_options(task_relay=self)
        self._work = asyncio.create_task(self._send())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._engine.update_execution_options(task_relay=None)
        self._stopping = True
        self._wake.set()
        await self._work

    def add(self, ids: Sequence[UUID]) -> None:
        """Send these records soon."""
        self._ids.extend(ids)
        self._wake.set()

    async def _send(self) -> None:
        while self._ids or not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            ids, self._ids = self._ids, []
            await greenlet_spawn(send_now, self._engine, ids)


def hand_over(engine: Engine, ids: Sequence[UUID]) -> None:
    """Send committed records: by the relay of their engine, or now, if the engine has none."""
    relay: Relay | None = engine.get_execution_options().get("task_relay")
    if relay:
        relay.add(ids)
    else:
        send_now(engine, ids)


def publish_messages(rows: Sequence[Mapping[str, Any]]) -> None:
    """Send one message for each row, all of them in one round trip."""
    with (
        celery.producer_or_acquire() as producer,
        # A batch opens a client of its own.
        producer.batch() if len(rows) > 1 else nullcontext(),
    ):
        for row in rows:
            celery.send_task(
                row["name"],
                kwargs=row["arguments"],
                task_id=str(row["id"]),
                producer=producer,
                # The record has the result. Celery would subscribe to it in Redis for each task.
                ignore_result=True,
                headers={
                    **row["headers"],
                    DELIVERY: row["deliveries"],
                    "request_id": row["request_id"],
                    "user_id": str(row["owner_id"]) if row["owner_id"] else None,
                },
            )


def send_unsent(
    engine: Engine,
    *,
    ids: Sequence[UUID] | None = None,
    ordered_by: str | None = None,
) -> int:
    """Send up to `BATCH` records that are due: of these ids, of this key, or of all.

    Return how many were sent. Several processes may do this at once: only one of them gets each
    record.

    Raises:
        kombu.exceptions.OperationalError: Redis does not answer; the records stay unsent.
    """
    statement = _MARK_IDS if ids else _MARK_NEXT if ordered_by else _MARK_DUE
    with engine.begin() as connection:
        rows = execute(connection, statement, {"ids": ids, "key": ordered_by})
        rows.sort(key=itemgetter("position"))
        if in_greenlet():
            # Redis may be slow or down, and the event loop must go on with its requests.
            await_(asyncio.to_thread(publish_messages, rows))
        else:
            publish_messages(rows)
    return len(rows)


def send_now(engine: Engine, ids: Sequence[UUID]) -> None:
    """Send these records; those for which this fails wait for the sweep."""
    with _sweep_on_error():
        for start in range(0, len(ids), BATCH):
            send_unsent(engine, ids=ids[start : start + BATCH])


def send_next(engine: Engine, ordered_by: str) -> None:
    """Send the next record of this key; if this fails, it waits for the sweep."""
    with _sweep_on_error():
        send_unsent(engine, ordered_by=ordered_by)


@contextmanager
def _sweep_on_error() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - all is committed, so the caller must not fail
        log.warning("tasks_wait_for_sweep", error=f"{type(error).__name__}: {error}"[:200])


_record, _earlier = tasks.alias("record"), tasks.alias("earlier")
_blocked = (
    select(_earlier.c.id)
    .where(
        _earlier.c.ordered_by == _record.c.ordered_by,
        _earlier.c.position < _record.c.position,
        # Not IN: its placeholders depend on the execution, and this is compiled once.
        or_(*(_earlier.c.state == state for state in UNFINISHED)),
    )
    .exists()
)
_due = (
    select(_record.c.id)
    .where(
        _record.c.state == TaskState.PENDING,
        _record.c.sent_at.is_(None),
        _record.c.due_at <= func.now(),
        _record.c.ordered_by.is_(None) | ~_blocked,
    )
    .order_by(_record.c.position)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)
_MARK_DUE, _MARK_IDS, _MARK_NEXT = (
    update(tasks)
    .where(tasks.c.id.in_(chosen))
    .values(
        sent_at=func.now(),
        deliveries=tasks.c.deliveries + 1,
        history=history_with("sent", delivery=tasks.c.deliveries + 1),
    )
    .returning(*(tasks.c[name] for name in SENT))
    for chosen in (
        _due,
        _due.where(_record.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid)))),
        _due.where(_record.c.ordered_by == bindparam("key")),
    )
)
