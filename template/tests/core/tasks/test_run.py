"""Tasks that a real worker runs: their arguments, effects and records."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import context
from app.core.database import Database, async_engine
from app.core.settings import get_settings
from app.core.tasks import Call, enqueue
from app.core.tasks.models import UNFINISHED, TaskRecord, TaskState
from app.core.tasks.relay import DELIVERY
from devstack.supabase import LocalSupabase
from tests.core.tasks import work
from tests.support.processes import Process, eventually


@pytest.fixture(scope="module")
async def database(committed_url: str) -> AsyncIterator[Database]:
    """The database of the worker, with a table for effects."""
    settings = get_settings().model_copy(update={"database_url": committed_url})
    database = Database(async_engine(settings))
    async with database.session() as session:
        connection = await session.connection()
        await connection.execute(text("CREATE TABLE public.notes (note text)"))
        await session.commit()
    yield database
    await database.close()


class Workshop:
    """Enqueues tasks and waits for their end."""

    def __init__(self, database: Database, worker: Process) -> None:
        self.database = database
        self.worker = worker

    async def enqueue(self, call: Call, **options: Any) -> UUID:
        async with self.database.session() as session:
            task_id = enqueue(session, call, **options)
            await session.commit()
        return task_id

    async def record(self, task_id: UUID) -> TaskRecord:
        async with self.database.session() as session:
            return await session.get_one(TaskRecord, task_id)

    async def until(self, task_id: UUID, *states: TaskState) -> TaskRecord:
        async def there() -> bool:
            return (await self.record(task_id)).state in states

        await eventually(there, self.worker)
        return await self.record(task_id)

    async def end(self, task_id: UUID) -> TaskRecord:
        return await self.until(task_id, *(set(TaskState) - set(UNFINISHED)))

    async def run(self, call: Call) -> TaskRecord:
        return await self.end(await self.enqueue(call))

    async def notes(self) -> list[str]:
        return [row["note"] for row in await self.database.reader.rows(text("TABLE public.notes"))]


@pytest.fixture
def workshop(database: Database, worker: Process) -> Workshop:
    return Workshop(database, worker)


async def test_an_async_task_has_a_session_and_types(workshop: Workshop) -> None:
    price = work.Money(amount=Decimal("0.10"), due=datetime(2026, 1, 31, tzinfo=UTC))
    # Two runs, because the connection of the engine belongs to one loop.
    for times in (2, 3):
        record = await workshop.run(work.double.s(price, times=times))
        assert (record.state, record.attempts) == (TaskState.SUCCESS, 1)
        assert work.Money.model_validate(record.result).amount == Decimal("0.10") * times


async def test_a_sync_task_commits_with_its_record(workshop: Workshop) -> None:
    record = await workshop.run(work.write.s(note="once"))
    assert (record.state, record.result) == (TaskState.SUCCESS, 4)
    assert (await workshop.notes()).count("once") == 1


async def test_a_task_that_fails_leaves_nothing_and_is_tried_again(workshop: Workshop) -> None:
    task_id = await workshop.enqueue(work.write_and_fail.s(note="never"))

    async def failed_once() -> bool:
        record = await workshop.record(task_id)
        return (record.state, record.attempts) == (TaskState.PENDING, 1) and record.sent_at is None

    await eventually(failed_once, workshop.worker)
    record = await workshop.record(task_id)
    assert record.due_at is not None
    assert record.started_at is not None
    assert record.due_at > record.started_at
    assert record.error == "ValueError: hunter2"
    assert "never" not in await workshop.notes()


async def test_a_task_error_has_a_reason_and_is_not_tried_again(workshop: Workshop) -> None:
    record = await workshop.run(work.refuse.s())
    assert (record.state, record.attempts) == (TaskState.FAILURE, 1)
    assert record.reason


async def test_a_result_of_the_wrong_type_is_a_failure(workshop: Workshop) -> None:
    record = await workshop.run(work.lie.s())
    assert (record.state, record.result) == (TaskState.FAILURE, None)


async def test_a_second_message_for_the_same_task_does_nothing(workshop: Workshop) -> None:
    record = await workshop.run(work.write.s(note="single"))
    async with workshop.database.session() as session:
        again = await session.get_one(TaskRecord, record.id)
        # As if the process had died between sending the message and committing that it did.
        again.sent_at = None
        await session.commit()
    headers: Any = {DELIVERY: record.deliveries}
    message = work.write.celery.apply_async(
        kwargs={"note": "single"}, task_id=str(record.id), headers=headers
    )

    async def skipped() -> bool:
        lines = [json.loads(line) for line in workshop.worker.said().splitlines() if "{" in line]
        return any(
            (line.get("event"), line.get("task_id")) == ("task_skipped", message.id)
            for line in lines
        )

    await eventually(skipped, workshop.worker)
    assert (await workshop.notes()).count("single") == 1


async def test_every_line_of_a_task_has_its_user_and_request(workshop: Workshop) -> None:
    user, request = uuid4(), uuid4().hex
    tokens = context.request_id.set(request), context.user_id.set(str(user))
    task_id = await workshop.enqueue(work.count.s(total=1))
    context.request_id.reset(tokens[0])
    context.user_id.reset(tokens[1])
    assert (await workshop.end(task_id)).owner_id == user
    lines = [json.loads(line) for line in workshop.worker.said().splitlines() if "counted" in line]
    (line,) = [line for line in lines if line.get("task_id") == str(task_id)]
    assert (line["request_id"], line["user_id"]) == (request, str(user))


async def test_progress_is_followed_and_a_task_stops_when_asked(
    workshop: Workshop, committed: AsyncClient, supabase: LocalSupabase
) -> None:
    headers = {"Authorization": f"Bearer {supabase.issue_token(f'{uuid4().hex}@example.com')}"}
    owner = UUID((await committed.get("/api/v1/users/me", headers=headers)).json()["id"])
    task_id = await workshop.enqueue(work.count.s(total=100_000), owner=owner)
    task = f"/api/v1/tasks/{task_id}"
    following = asyncio.create_task(committed.get(f"{task}/events", headers=headers))

    async def advanced() -> bool:
        return ((await workshop.record(task_id)).progress_done or 0) > 0

    await eventually(advanced, workshop.worker)
    await committed.post(f"{task}/cancel", headers=headers)
    assert (await workshop.end(task_id)).state is TaskState.REVOKED
    events = [
        json.loads(line.removeprefix("data:"))
        for line in (await following).text.splitlines()
        if line.startswith("data:")
    ]
    assert events[-1]["state"] == "revoked"
    told = [event["progress_done"] for event in events if event["progress_done"] is not None]
    assert told
    assert told == sorted(told)
    assert {event["progress_total"] for event in events} <= {None, 100_000}


async def test_a_task_cancelled_before_it_starts_never_does(
    workshop: Workshop, session: AsyncSession
) -> None:
    task_id = await workshop.enqueue(work.write.s(note="unwanted"), ordered_by="shop")
    await workshop.end(task_id)
    async with workshop.database.session() as mine:
        blocked = enqueue(mine, work.write.s(note="unwanted"))
        record = await mine.get_one(TaskRecord, blocked)
        record.state = TaskState.REVOKED
        await mine.commit()
    # The next task comes after it in the queue.
    await workshop.run(work.write.s(note="after"))
    assert (await workshop.notes()).count("unwanted") == 1


async def test_tasks_in_order_run_one_after_the_other(workshop: Workshop) -> None:
    ids = [
        await workshop.enqueue(work.write.s(note=f"step {step}"), ordered_by="steps")
        for step in range(5)
    ]
    records = [await workshop.end(task_id) for task_id in ids]
    assert [note for note in await workshop.notes() if note.startswith("step")] == [
        f"step {step}" for step in range(5)
    ]
    starts = [record.started_at for record in records]
    ends = [record.ended_at for record in records]
    assert all(
        ended is not None and started is not None and ended <= started
        for ended, started in zip(ends, starts[1:], strict=False)
    )
