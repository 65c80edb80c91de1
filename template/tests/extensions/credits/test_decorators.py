"""Tasks that cost credits, in a real worker."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest
import redis

from app.core.database import Database, async_engine
from app.core.settings import get_settings
from app.core.tasks import Call, Task, enqueue
from app.core.tasks.models import UNFINISHED, TaskRecord, TaskState
from app.core.tasks.relay import send_unsent
from app.extensions.credits.models import Kind
from tests.extensions.credits import work
from tests.extensions.credits.conftest import Bank
from tests.support.processes import Process, eventually, running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
async def database(bank: Bank, database_url: str) -> AsyncIterator[Database]:
    for table in ("starts", "effects"):
        bank.sql(f"CREATE TABLE public.{table} (note text)")
    settings = get_settings().model_copy(update={"database_url": database_url})
    database = Database(async_engine(settings))
    yield database
    await database.close()


@pytest.fixture(scope="module")
def worker(database: Database, database_url: str) -> Iterator[Process]:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.flushdb()
    options = ("--concurrency=1", "--without-mingle", "--without-gossip")
    command = ("celery", "-A", "tests.extensions.credits.work_worker", "worker", *options)
    with running(*command, stop=signal.SIGKILL, DATABASE_URL=database_url) as worker:
        yield worker


class Office:
    """Enqueues tasks and waits for their end."""

    def __init__(self, bank: Bank, database: Database, worker: Process) -> None:
        self.bank = bank
        self.database = database
        self.worker = worker

    async def run(self, call: Call) -> TaskRecord:
        async with self.database.session() as session:
            task_id = enqueue(session, call)
            await session.commit()

        async def record() -> TaskRecord:
            async with self.database.session() as session:
                return await session.get_one(TaskRecord, task_id)

        async def ended() -> bool:
            send_unsent(self.bank.engine)  # beat does this for tasks that are retried
            return (await record()).state not in UNFINISHED

        await eventually(ended, self.worker, seconds=60)
        return await record()


@pytest.fixture
def office(bank: Bank, database: Database, worker: Process) -> Office:
    return Office(bank, database, worker)


def effects(bank: Bank, note: str) -> int:
    (row,) = bank.sql("SELECT count(*) FROM public.effects WHERE note = :note", note=note)
    return int(row[0])


def deducted(bank: Bank, person: UUID) -> list[int]:
    return [amount for kind, amount, _ in bank.ledger(person) if kind is Kind.DEDUCTION]


async def test_the_owner_pays_for_a_task(bank: Bank, office: Office) -> None:
    person = bank.person(100)
    for call in (
        work.embed.s(owner_id=person, note="hello"),
        work.embed_async.s(owner_id=person, note="again"),
        work.plain.s(owner_id=person),
    ):
        assert (await office.run(call)).state is TaskState.SUCCESS
    assert deducted(bank, person) == [-5, -5, -2]
    assert bank.balance(person) == (88, 0)


async def test_a_task_that_cannot_be_paid_fails_with_a_reason(bank: Bank, office: Office) -> None:
    person = bank.person(4)
    record = await office.run(work.embed.s(owner_id=person, note="poor!"))
    assert (record.state, record.attempts) == (TaskState.FAILURE, 1)
    assert record.reason
    assert effects(bank, "poor!") == 0
    assert bank.balance(person) == (4, 0)


@pytest.mark.parametrize("task", [work.stumble, work.die])
async def test_a_task_that_runs_twice_is_paid_for_once(
    bank: Bank, office: Office, task: Task[..., None]
) -> None:
    person = bank.person(100)
    note = task.name
    assert (await office.run(task.s(owner_id=person, note=note))).state is TaskState.SUCCESS
    (row,) = bank.sql("SELECT count(*) FROM public.starts WHERE note = :note", note=note)
    assert row[0] == 2
    assert effects(bank, note) == 1
    assert deducted(bank, person) == [-len(note)]
    assert bank.balance(person) == (100 - len(note), 0)
