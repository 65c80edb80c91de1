"""Claims: one run has a task, and a run that lost its claim cannot end the task."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from celery.app.task import Context
from celery.exceptions import Ignore
from sqlalchemy import update
from sqlmodel import Session, col

from app.core import context
from app.core.database import forget_process_engine, process_engine
from app.core.failures import Failure
from app.core.settings import load_settings
from app.core.tasks import enqueue, outbox, progress, records, task
from app.core.tasks.definition import Task
from app.core.tasks.models import TaskRecord, TaskState
from app.core.tasks.relay import DELIVERY
from app.core.tasks.run import run
from tests.core.tasks.changes import changes


@task(name="test.overtaken", tries=2)
def overtaken(session: Session) -> None:
    """Run until another run has claimed the task, as if this one were dead."""
    records.claim(UUID(context.task_id.get()), 0, redelivered=True)
    session.add(TaskRecord(name="test.effect", arguments={}))


@task(name="test.fails", tries=2)
def fails() -> None:
    """Fail."""
    raise ValueError("hunter2")


@task(name="test.reports")
def reports(times: int) -> None:
    """Report much more often than reports are written."""
    for done in range(times + 1):
        progress(done, times)


@pytest.fixture(scope="module")
def _own_database(database_url: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", database_url)
        load_settings.cache_clear()
        forget_process_engine()
        yield
        forget_process_engine()
    load_settings.cache_clear()


@pytest.fixture
def session(_own_database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setattr(outbox, "hand_over", lambda *_: None)
    with Session(process_engine()) as session:
        yield session


def enqueued(session: Session, declared: Task[..., Any], **arguments: Any) -> UUID:
    task_id = enqueue(session, declared.s(**arguments))
    session.commit()
    return task_id


def execute(declared: Task[..., Any], task_id: UUID, *, redelivered: bool = False) -> Any:
    """Run a message as the worker would."""
    record = {"id": str(task_id), "headers": {DELIVERY: 0}}
    token = context.task_id.set(str(task_id))
    try:
        request = Context(**record, delivery_info={"redelivered": redelivered})
        with Session(process_engine()) as session:
            arguments = session.get_one(TaskRecord, task_id).arguments
        return run(declared, request, **arguments)
    finally:
        context.task_id.reset(token)


def state(session: Session, task_id: UUID) -> TaskState:
    session.expire_all()
    return session.get_one(TaskRecord, task_id).state


def test_a_task_is_claimed_once(session: Session) -> None:
    task_id = enqueued(session, fails)
    first = records.claim(task_id, 0, redelivered=False)
    assert first is not None
    assert first.attempt == 1
    assert records.claim(task_id, 0, redelivered=False) is None
    # Redis delivers a message again after its worker died.
    second = records.claim(task_id, 0, redelivered=True)
    assert second is not None
    assert second.attempt == 2
    with pytest.raises(records.LostClaimError):
        records.succeed(first, None)
    assert state(session, task_id) is TaskState.STARTED
    records.succeed(second, None)
    assert state(session, task_id) is TaskState.SUCCESS
    assert records.claim(task_id, 0, redelivered=True) is None


def test_a_run_that_lost_its_claim_commits_nothing(session: Session) -> None:
    task_id = enqueued(session, overtaken)
    with pytest.raises(Ignore):
        execute(overtaken, task_id)
    effects = session.connection().exec_driver_sql(
        "SELECT count(*) FROM app.tasks WHERE name = 'test.effect'"
    )
    assert effects.scalar_one() == 0
    # The other run has it.
    assert state(session, task_id) is TaskState.STARTED


def test_a_task_fails_after_its_last_try(session: Session, failures_told: list[Failure]) -> None:
    task_id = enqueued(session, fails)
    with pytest.raises(Ignore):
        execute(fails, task_id)
    assert state(session, task_id) is TaskState.PENDING
    assert failures_told == []
    with pytest.raises(ValueError, match="hunter2") as raised:
        execute(fails, task_id)
    assert state(session, task_id) is TaskState.FAILURE
    with pytest.raises(Ignore):
        execute(fails, task_id)
    assert failures_told == [Failure("task", "test.fails", None, raised.value, str(task_id))]


def test_a_task_that_kills_its_workers_is_a_failure(
    session: Session, failures_told: list[Failure]
) -> None:
    task_id = enqueued(session, fails)
    for _ in range(fails.tries):
        records.claim(task_id, 0, redelivered=True)
    with pytest.raises(Ignore):
        execute(fails, task_id, redelivered=True)
    assert state(session, task_id) is TaskState.FAILURE
    (told,) = failures_told
    assert (told.place, str(told.error)) == ("test.fails", "The worker died in each of 2 runs.")


def test_a_run_that_lost_its_claim_is_no_failure(
    session: Session, failures_told: list[Failure], monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = enqueued(session, fails)
    monkeypatch.setattr(fails, "tries", 1)
    claimed = records.claim

    def claim_twice(*arguments: Any, **named: Any) -> Any:
        first = claimed(*arguments, **named)
        claimed(task_id, 0, redelivered=True)
        return first

    monkeypatch.setattr(records, "claim", claim_twice)
    with pytest.raises(ValueError, match="hunter2"):
        execute(fails, task_id)
    assert state(session, task_id) is TaskState.STARTED
    assert failures_told == []


def test_a_task_without_a_record_is_not_tried_again(failures_told: list[Failure]) -> None:
    with pytest.raises(ValueError, match="hunter2"):
        run(fails, Context(id="the-id"))
    assert [told.place for told in failures_told] == ["test.fails"]


def test_the_logs_and_the_record_tell_why_a_task_runs_again(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    task_id = enqueued(session, fails)
    caplog.clear()
    assert records.claim(task_id, 0, redelivered=False, worker="first")
    assert records.claim(task_id, 0, redelivered=False, worker="second") is None
    with pytest.raises(ValueError, match="hunter2"):
        execute(fails, task_id, redelivered=True)
    outbox.requeue(session, session.get_one(TaskRecord, task_id, with_for_update=True))
    session.commit()
    with pytest.raises(Ignore):
        execute(fails, task_id)
    lines = changes(caplog)
    assert {(line.get("task", fails.name), line["task_id"]) for line in lines} == {
        (fails.name, str(task_id))
    }
    told = [(line["event"], line.get("attempt"), "reason" in line) for line in lines]
    assert told == [
        ("task_claimed", 1, False),
        ("task_skipped", None, True),
        ("task_claimed", 2, True),
        ("task_failed", 2, True),
        ("task_requeued", None, True),
        ("task_claimed", 1, False),
        ("task_requeued", 1, True),
    ]
    session.expire_all()
    history = session.get_one(TaskRecord, task_id).history
    assert [f"task_{entry['event']}" for entry in history] == [
        event for event, _, _ in told if event != "task_skipped"
    ]
    assert (history[0]["worker"], history[2]["reason"]) == ("first", "ValueError: hunter2")
    assert [entry["at"] for entry in history] == sorted(entry["at"] for entry in history)


def test_each_try_waits_longer(session: Session) -> None:
    task_id = enqueued(session, fails)
    waits = []
    for attempt in range(1, 10):
        session.connection().execute(
            update(TaskRecord)
            .where(col(TaskRecord.id) == task_id)
            .values(state=TaskState.STARTED, attempts=attempt)
        )
        session.commit()
        claim = records.Claim(task_id, attempt, None)
        records.retry(claim, "ValueError: x")
        wait = "SELECT round(extract(epoch FROM due_at - now())) FROM app.tasks WHERE id = %s"
        waits.append(int(session.connection().exec_driver_sql(wait, (task_id,)).scalar_one()))
        session.commit()
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600]


def test_a_task_that_kills_its_workers_is_given_up(session: Session) -> None:
    task_id = enqueued(session, fails)
    for _ in range(fails.tries):
        assert records.claim(task_id, 0, redelivered=True)
    with pytest.raises(Ignore):
        execute(fails, task_id, redelivered=True)
    assert state(session, task_id) is TaskState.FAILURE
    assert session.get_one(TaskRecord, task_id).error


def test_progress_is_written_now_and_then(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    report = records.report

    def counted(task_id: UUID, done: int, total: int) -> bool:
        written.append(done)
        return report(task_id, done, total)

    monkeypatch.setattr(records, "report", counted)
    task_id = enqueued(session, reports, times=1000)
    execute(reports, task_id)
    assert written[-1] == 1000
    assert len(written) < 20
    assert session.get_one(TaskRecord, task_id).progress_done == 1000
