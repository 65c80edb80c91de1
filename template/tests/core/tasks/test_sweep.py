"""The sweep: it sends tasks that were left behind, and not those that only wait."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from kombu import Queue
from sqlalchemy import Engine, func, update
from sqlmodel import Session, col

from app.core.database import sync_engine
from app.core.failures import Failure
from app.core.settings import get_settings
from app.core.tasks import enqueue, outbox, relay, task
from app.core.tasks.application import celery
from app.core.tasks.models import TaskRecord, TaskState
from app.core.tasks.sweep import LOST_AFTER, MAX_DELIVERIES, delete_old, sweep
from tests.core.tasks.changes import changes

LONGEST = 100.0  # seconds of a run


@task(name="test.swept")
def swept() -> None:
    """Wait in a queue that no worker reads."""


@pytest.fixture(scope="module")
def engine(database_url: str) -> Iterator[Engine]:
    engine = sync_engine(database_url, get_settings())
    yield engine
    engine.dispose()


def route(routes: dict[str, dict[str, str]]) -> None:
    """Send tasks to other queues. Celery reads its routes once."""
    celery.conf.task_routes = routes
    celery.amqp.flush_routes()
    vars(celery.amqp).pop("router", None)


@pytest.fixture(scope="module", autouse=True)
def _own_queue() -> Iterator[None]:
    route({swept.name: {"queue": "swept"}})
    yield
    route({})


@pytest.fixture
def session(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setattr(outbox, "hand_over", lambda *_: None)
    with engine.begin() as connection:
        connection.execute(update(TaskRecord).values(state=TaskState.SUCCESS))
    with celery.connection_for_write() as broker, broker.channel() as channel:
        queue: Any = Queue("swept")(channel)
        queue.declare()
        queue.purge()
        with Session(engine) as session:
            yield session
        queue.purge()


def queued() -> int:
    """Messages in the queue."""
    with celery.connection_for_write() as broker, broker.channel() as opened:
        channel: Any = opened
        size: int = channel.queue_declare("swept").message_count
        return size


def enqueued(session: Session, **values: Any) -> UUID:
    """Commit a record with these values."""
    task_id = enqueue(session, swept.s())
    session.flush()
    values.setdefault("attempts", 0)
    session.connection().execute(
        update(TaskRecord).where(col(TaskRecord.id) == task_id).values(**values)
    )
    session.commit()
    return task_id


def ago(seconds: float) -> Any:
    return func.now() - timedelta(seconds=seconds)


def test_unsent_tasks_are_sent_once(engine: Engine, session: Session) -> None:
    for _ in range(relay.BATCH + 1):
        enqueue(session, swept.s())
    session.commit()
    assert sweep(engine, LONGEST)["sent"] == relay.BATCH + 1
    assert queued() == relay.BATCH + 1
    assert sweep(engine, LONGEST) == {"sent": 0, "lost": 0, "stale": 0}


def test_two_at_once_send_nothing_twice(
    engine: Engine, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(relay.BATCH * 2):
        enqueue(session, swept.s())
    session.commit()
    both = Barrier(2, timeout=10)
    sent: list[UUID] = []

    def publish(rows: list[Any]) -> None:
        # Neither has committed. One that waited for the locks of the other would not come here.
        both.wait()
        sent.extend(row["id"] for row in rows)

    monkeypatch.setattr(relay, "publish_messages", publish)
    with ThreadPoolExecutor() as threads:
        sweeps = [threads.submit(relay.send_unsent, engine) for _ in range(2)]
        assert [each.result() for each in sweeps] == [relay.BATCH] * 2
    assert len(set(sent)) == relay.BATCH * 2


def test_a_long_queue_has_lost_nothing(engine: Engine, session: Session) -> None:
    task_id = enqueued(session)
    sweep(engine, LONGEST)
    with engine.begin() as connection:
        late = update(TaskRecord).where(col(TaskRecord.id) == task_id)
        connection.execute(late.values(sent_at=ago(LOST_AFTER * 100)))
    assert sweep(engine, LONGEST)["lost"] == 0
    assert queued() == 1


def test_messages_that_redis_lost_are_sent_again(engine: Engine, session: Session) -> None:
    enqueued(session, sent_at=ago(LOST_AFTER + 5), deliveries=1)
    recent = enqueued(session, sent_at=ago(LOST_AFTER - 5), deliveries=1)
    patient = enqueued(session, sent_at=ago(LOST_AFTER + 5), deliveries=2)
    counts = sweep(engine, LONGEST)
    assert (counts["lost"], counts["sent"], queued()) == (1, 1, 1)
    for task_id, deliveries in ((recent, 1), (patient, 2)):
        assert session.get_one(TaskRecord, task_id).deliveries == deliveries


def test_the_oldest_tasks_of_a_short_queue_are_sent_again(engine: Engine, session: Session) -> None:
    first = enqueued(session)
    second = enqueued(session)
    sweep(engine, LONGEST)
    with celery.connection_for_write() as broker, broker.SimpleQueue("swept") as queue:
        queue.get().ack()
    with engine.begin() as connection:
        connection.execute(update(TaskRecord).values(sent_at=ago(LOST_AFTER * 2)))
    assert sweep(engine, LONGEST)["lost"] == 1
    deliveries = [session.get_one(TaskRecord, each).deliveries for each in (first, second)]
    assert deliveries == [2, 1]


def test_a_task_that_no_worker_knows_is_given_up(
    engine: Engine, session: Session, failures_told: list[Failure]
) -> None:
    task_id = enqueued(session, sent_at=ago(10**9), deliveries=MAX_DELIVERIES)
    assert sweep(engine, LONGEST)["sent"] == 0
    record = session.get_one(TaskRecord, task_id)
    assert (record.state, record.ended_at is not None) == (TaskState.FAILURE, True)
    assert record.error
    assert [(told.place, told.task_id) for told in failures_told] == [("test.swept", str(task_id))]


def test_a_task_whose_run_cannot_be_alive_is_requeued(engine: Engine, session: Session) -> None:
    dead = enqueued(
        session, state=TaskState.STARTED, started_at=ago(LONGEST + 5), sent_at=ago(200), attempts=1
    )
    alive = enqueued(
        session, state=TaskState.STARTED, started_at=ago(LONGEST - 5), sent_at=ago(200), attempts=1
    )
    counts = sweep(engine, LONGEST)
    assert (counts["stale"], counts["sent"], queued()) == (1, 1, 1)
    assert session.get_one(TaskRecord, dead).state is TaskState.PENDING
    assert session.get_one(TaskRecord, alive).state is TaskState.STARTED


def test_each_task_that_is_requeued_or_given_up_is_a_line_in_the_logs(
    engine: Engine, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    old = {"sent_at": ago(10**9), "attempts": 1}
    stale = enqueued(session, state=TaskState.STARTED, started_at=ago(LONGEST + 5), **old)
    lost = enqueued(session, deliveries=1, **old)
    buried = enqueued(session, deliveries=MAX_DELIVERIES, **old)
    caplog.clear()
    sweep(engine, LONGEST)
    # The second one has its message now.
    sweep(engine, LONGEST)
    lines = {line["task_id"]: line for line in changes(caplog)}
    assert len(lines) == len(changes(caplog)) == 3
    for task_id, level, event in (
        (stale, "warning", "task_requeued"),
        (lost, "warning", "task_requeued"),
        (buried, "error", "task_failed"),
    ):
        line = lines[str(task_id)]
        assert (line["level"], line["event"], line["task"]) == (level, event, swept.name)
        assert line["attempt"] == 1
        # The record says the same. It may have been sent again after that.
        first, *_ = session.get_one(TaskRecord, task_id).history
        assert (f"task_{first['event']}", first["reason"]) == (event, line["reason"])
    assert len({line["reason"] for line in lines.values()}) == 3


def test_only_tasks_that_ended_well_are_deleted(engine: Engine, session: Session) -> None:
    old, new = ago(31 * 86_400), ago(29 * 86_400)
    gone = enqueued(session, state=TaskState.SUCCESS, ended_at=old)
    kept = [
        enqueued(session, state=TaskState.SUCCESS, ended_at=new),
        enqueued(session, state=TaskState.FAILURE, ended_at=old),
        enqueued(session),
    ]
    assert delete_old(engine, 30) == 1
    assert session.get(TaskRecord, gone) is None
    assert all(session.get(TaskRecord, each) for each in kept)
