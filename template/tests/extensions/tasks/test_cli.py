"""`app task`, on a database of its own."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlmodel import Session
from typer.testing import CliRunner, Result

from app.core.database import forget_process_engine, sync_engine
from app.core.errors import AppError, ConflictError, NotFoundError
from app.core.settings import get_settings, load_settings
from app.core.tasks import enqueue, outbox, records
from app.core.tasks.models import TaskRecord, TaskState
from app.core.tasks.relay import send_unsent
from app.core.tasks.tasks import heartbeat
from app.extensions.tasks.cli import cli

UNKNOWN = "0193a0f1-3a2b-7c4d-8e5f-000000000000"


@pytest.fixture(autouse=True)
def delivered(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[UUID]]:
    """The ids that commands hand over. Commands commit, so they have their own database."""
    ids: list[UUID] = []
    monkeypatch.setattr(outbox, "hand_over", lambda _, committed: ids.extend(committed))
    monkeypatch.setenv("DATABASE_URL", database_url)
    load_settings.cache_clear()
    forget_process_engine()
    yield ids
    load_settings.cache_clear()
    forget_process_engine()


@pytest.fixture
def session(delivered: list[UUID]) -> Iterator[Session]:
    engine = sync_engine(get_settings().database_url, get_settings())
    with Session(engine) as session:
        yield session
    engine.dispose()


def enqueued(session: Session, **values: object) -> str:
    record = session.get_one(TaskRecord, enqueue(session, heartbeat.s()))
    record.sqlmodel_update(values)
    session.commit()
    return str(record.id)


async def task(*arguments: str) -> Result:
    """Run a command in a thread, because it starts a loop."""
    runner = CliRunner(env={"COLUMNS": "200"})
    result = await asyncio.to_thread(runner.invoke, cli, list(arguments))
    if isinstance(result.exception, AppError):
        raise result.exception
    return result


async def test_dead_letters_are_listed_with_their_error(session: Session) -> None:
    waiting = enqueued(session)
    failed = enqueued(session, state=TaskState.FAILURE, error="ValueError: no\nmore", attempts=5)
    everything = (await task("list")).stdout
    assert waiting in everything
    assert failed in everything
    (line,) = (await task("list", "--state", "failure")).stdout.splitlines()[1:]
    assert line.split()[:4] == [failed, "core.heartbeat", "failure", "5"]
    assert line.rstrip().endswith("ValueError: no")
    assert "more" in (await task("show", failed)).stdout


async def test_the_story_of_a_task_is_told(session: Session) -> None:
    task_id = UUID(enqueued(session))
    send_unsent(session.get_bind(), ids=[task_id])  # type: ignore[arg-type]
    claim = records.claim(task_id, 1, redelivered=False, worker="celery@one")
    assert claim
    records.retry(claim, "ValueError: no way")
    assert records.claim(task_id, 1, redelivered=False, worker="celery@two")
    records.fail(claim._replace(attempt=2), "ValueError: no way")
    await task("retry", str(task_id))
    await task("cancel", str(task_id))
    shown = (await task("show", str(task_id))).stdout
    _, told = shown.split("Facts")
    lines = [line.split()[2:] for line in told.splitlines() if line.strip()]
    assert [line[0] for line in lines] == [
        "enqueued",
        "sent",
        "claimed",
        "requeued",
        "claimed",
        "failed",
        "requeued",
        "cancel_requested",
        "cancelled",
    ]
    assert "celery@one" in lines[2]
    assert lines[3][1:] == ["attempt", "1,", "reason", "ValueError:", "no", "way"]
    assert "celery@two" in lines[4]
    assert "history" not in shown
    assert [line.split()[0] for line in shown.splitlines()[:3]] == ["id", "name", "state"]


async def test_failed_tasks_are_retried_one_or_all(session: Session, delivered: list[UUID]) -> None:
    one, two, three = (enqueued(session, state=TaskState.FAILURE, attempts=5) for _ in range(3))
    delivered.clear()
    assert "pending" in (await task("retry", one)).stdout
    assert [str(each) for each in delivered] == [one]
    with pytest.raises(ConflictError) as refused:
        await task("retry", one)
    assert refused.value.code == "task_not_failed"
    assert "0 failed" in (await task("retry", "--all", "--name", "other")).stdout
    retried = await task("retry", "--all", "--name", "core.heartbeat")
    assert {one, two, three} <= {str(each) for each in delivered}
    assert "failed task(s)" in retried.stdout


async def test_a_waiting_task_is_cancelled(session: Session) -> None:
    waiting = enqueued(session)
    assert "revoked" in (await task("cancel", waiting)).stdout
    with pytest.raises(ConflictError) as refused:
        await task("cancel", waiting)
    assert refused.value.code == "task_ended"


@pytest.mark.parametrize("command", ["show", "cancel", "retry"])
async def test_an_unknown_task_is_an_error(command: str) -> None:
    with pytest.raises(NotFoundError) as refused:
        await task(command, UNKNOWN)
    assert refused.value.code == "task_not_found"


@pytest.mark.parametrize("arguments", [("retry",), ("retry", UNKNOWN, "--all"), ("show", "x")])
async def test_wrong_arguments_are_refused(arguments: tuple[str, ...]) -> None:
    result = await task(*arguments)
    assert result.exit_code == 2
