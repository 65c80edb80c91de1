"""Enqueuing: what is committed is sent, and nothing else."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from kombu.exceptions import OperationalError
from sqlalchemy import Engine, NullPool, update
from sqlmodel import Session, col, select

from app.core import context
from app.core.database import sync_engine
from app.core.settings import get_settings
from app.core.tasks import enqueue, outbox, relay
from app.core.tasks.application import celery
from app.core.tasks.models import TaskRecord, TaskState
from tests.core.tasks.work import write

CALL = write.s(note="a")


@pytest.fixture(scope="module")
def engine(database_url: str) -> Iterator[Engine]:
    engine = sync_engine(database_url, get_settings(), poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def delivered(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The ids that commits have handed over."""
    ids: list[UUID] = []
    monkeypatch.setattr(outbox, "hand_over", lambda _, committed: ids.extend(committed))
    return ids


@pytest.fixture
def session(engine: Engine, delivered: list[UUID]) -> Iterator[Session]:
    with engine.begin() as connection:
        connection.execute(update(TaskRecord).values(state=TaskState.SUCCESS))
    with Session(engine) as session:
        yield session


@contextmanager
def publishing(publish: Callable[[list[Any]], None]) -> Iterator[None]:
    """Call this instead of sending messages to Redis."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relay, "publish_messages", publish)
        yield


def sent(engine: Engine, ids: Sequence[UUID] | None = None) -> list[UUID]:
    """Send, and return the ids whose messages would go to Redis."""
    rows: list[Any] = []
    with publishing(rows.extend):
        relay.send_unsent(engine, ids=ids)
    return [row["id"] for row in rows]


def test_a_commit_hands_over_what_was_enqueued_in_it(
    session: Session, engine: Engine, delivered: list[UUID]
) -> None:
    first, second = enqueue(session, CALL), enqueue(session, CALL)
    session.flush()
    assert delivered == []
    assert sent(engine) == []
    session.commit()
    assert delivered == [first, second]
    # Only once, although the sweep looks for it as well.
    assert sent(engine, delivered) == [first, second]
    assert sent(engine, delivered) == sent(engine) == []
    # And not with the next commit again.
    session.add(TaskRecord(name="x", arguments={}, state=TaskState.SUCCESS))
    session.commit()
    assert delivered == [first, second]


def test_what_is_rolled_back_never_runs(
    session: Session, engine: Engine, delivered: list[UUID]
) -> None:
    enqueue(session, CALL)
    session.flush()
    session.rollback()
    session.commit()
    with Session(engine) as abandoned:
        enqueue(abandoned, CALL)
        abandoned.flush()
    assert delivered == []
    assert sent(engine) == []


def test_a_savepoint_that_is_rolled_back_drops_its_tasks(
    session: Session, engine: Engine, delivered: list[UUID]
) -> None:
    before = enqueue(session, CALL)
    savepoint = session.begin_nested()
    enqueue(session, CALL)
    savepoint.rollback()
    with session.begin_nested():
        inside = enqueue(session, CALL)
    assert delivered == []
    session.commit()
    assert sent(engine, delivered) == [before, inside]


def test_a_message_carries_the_owner_and_the_request(session: Session, engine: Engine) -> None:
    user = uuid4()
    tokens = context.request_id.set("request-1"), context.user_id.set(str(user))
    enqueue(session, CALL)
    context.request_id.reset(tokens[0])
    context.user_id.reset(tokens[1])
    session.commit()
    rows: list[Any] = []
    with publishing(rows.extend):
        relay.send_unsent(engine)
    (row,) = rows
    assert (row["request_id"], row["owner_id"]) == ("request-1", user)
    assert row["arguments"] == {"note": "a"}


def test_a_message_carries_the_headers_of_features(
    session: Session, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = [(None, lambda: {"parcel": "7", relay.DELIVERY: "99"}), (None, lambda: {"letter": "8"})]
    monkeypatch.setattr(outbox, "load", {"task_headers": hooks}.get)
    enqueue(session, CALL)
    session.commit()
    sent_messages: list[dict[str, Any]] = []
    monkeypatch.setattr(
        celery, "send_task", lambda *_, headers, **__: sent_messages.append(headers)
    )
    relay.send_unsent(engine)
    (headers,) = sent_messages
    # Those of core come first.
    assert (headers["parcel"], headers["letter"], headers[relay.DELIVERY]) == ("7", "8", 1)


def test_a_delay_is_waited_for(session: Session, engine: Engine, delivered: list[UUID]) -> None:
    task_id = enqueue(session, CALL, delay=timedelta(hours=1))
    session.commit()
    assert delivered == []
    assert sent(engine) == []
    record = session.get_one(TaskRecord, task_id)
    assert record.due_at is not None
    record.due_at -= timedelta(hours=2)
    session.commit()
    assert sent(engine) == [task_id]


def test_redis_is_away_and_the_record_waits(session: Session, engine: Engine) -> None:
    task_id = enqueue(session, CALL)
    session.commit()

    def fail(rows: list[Any]) -> None:
        raise OperationalError("connection refused")

    with publishing(fail), pytest.raises(OperationalError):
        relay.send_unsent(engine)
    session.expire_all()
    assert session.get_one(TaskRecord, task_id).sent_at is None
    assert sent(engine) == [task_id]


def test_two_that_send_at_once_send_nothing_twice(session: Session, engine: Engine) -> None:
    ids = {enqueue(session, CALL) for _ in range(50)}
    session.commit()
    both = Barrier(2, timeout=10)
    taken: list[UUID] = []

    def publish(rows: list[Any]) -> None:
        # One has locked its records while the other asks for records.
        both.wait()
        taken.extend(row["id"] for row in rows)

    with publishing(publish), ThreadPoolExecutor(2) as threads:
        for future in [threads.submit(relay.send_unsent, engine) for _ in range(2)]:
            future.result()
    assert len(taken) == len(ids)
    assert set(taken) == ids


def end(engine: Engine, task_id: UUID, state: TaskState) -> None:
    with engine.begin() as connection:
        connection.execute(
            update(TaskRecord).where(col(TaskRecord.id) == task_id).values(state=state)
        )


def test_tasks_with_one_key_follow_each_other(session: Session, engine: Engine) -> None:
    a1, a2, a3 = (enqueue(session, CALL, ordered_by="a") for _ in range(3))
    b1 = enqueue(session, CALL, ordered_by="b")
    session.commit()
    assert sent(engine) == [a1, b1]
    end(engine, a1, TaskState.STARTED)
    assert sent(engine) == []
    end(engine, a1, TaskState.SUCCESS)
    assert sent(engine) == [a2]
    # A task that has failed for good lets the next one go on.
    end(engine, a2, TaskState.FAILURE)
    assert sent(engine) == [a3]


def test_the_order_is_that_of_the_commits(session: Session, engine: Engine) -> None:
    """The second to enqueue for a key waits until the first has committed."""
    first = enqueue(session, CALL, ordered_by="c")
    session.flush()

    def enqueue_second() -> UUID:
        with Session(engine) as other:
            second = enqueue(other, CALL, ordered_by="c")
            other.commit()
            return second

    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(enqueue_second)
        with Session(engine) as watching:
            blocked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while not watching.connection().exec_driver_sql(blocked).scalar_one():
                assert not waiting.done()
        session.commit()
        second = waiting.result()
    ids = select(TaskRecord.id).where(col(TaskRecord.ordered_by) == "c")
    assert session.exec(ids.order_by(col(TaskRecord.position))).all() == [first, second]
