"""Messages and tasks that no worker can run must not stop the tasks behind them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from celery.contrib.testing.mocks import TaskMessage

from app.core.tasks.sweep import MAX_DELIVERIES
from tests.core.tasks.faults.conftest import Faults, StartWorker
from tests.support.processes import Process, eventually

pytestmark = pytest.mark.slow


async def others_are_done(faults: Faults, process: Process) -> None:
    """Check that the worker runs another task."""
    key = uuid4().hex
    await faults.enqueue_keys("count", [key])

    async def done() -> bool:
        return faults.counts("effects")[key] == 1

    await eventually(done, process)


async def test_a_message_that_is_not_json(faults: Faults, worker: StartWorker) -> None:
    queue = faults.redis()
    message = TaskMessage("faults.count")
    properties = {"delivery_tag": "1", "delivery_info": {"exchange": "", "routing_key": "celery"}}
    poison: dict[str, Any] = {
        "body": "{half",
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": message.headers,
        "properties": properties,
    }
    queue.lpush("app:celery", json.dumps(poison))
    with worker() as process:
        await others_are_done(faults, process)
        assert "Can't decode message body" in process.said()
    # It does not come back.
    assert not [held for held in queue.hvals("app:unacked") if b"{half" in held]


async def test_a_task_that_no_worker_knows(faults: Faults, worker: StartWorker) -> None:
    # As after a rollback to an old release. One task is new, one was delivered often.
    record = """
        INSERT INTO app.tasks (id, name, arguments, state, deliveries, sent_at, attempts,
                               created_at, due_at, cancel_requested)
        VALUES (%s, 'old.forgotten', '{}', 'pending', %s, %s, 0, now(), now(), false)
        RETURNING 1
    """
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    faults.query(record, uuid4(), 0, None)
    faults.query(record, uuid4(), MAX_DELIVERIES, long_ago)
    with worker() as process:
        await others_are_done(faults, process)

        async def given_up() -> bool:
            return faults.states()["failure"] == 1

        await eventually(given_up, process)

        async def refused() -> bool:
            return "unregistered task" in process.said()

        await eventually(refused, process)


async def test_arguments_that_do_not_fit_the_function(faults: Faults, worker: StartWorker) -> None:
    record = """
        INSERT INTO app.tasks (id, name, arguments, state, deliveries, attempts, created_at, due_at,
                               cancel_requested)
        VALUES (%s, 'faults.count', '{"clef": 1}', 'pending', 0, 0, now(), now(), false)
        RETURNING 1
    """
    faults.query(record, uuid4())
    with worker() as process:
        assert await faults.ended(process) == {"failure": 1}
        await others_are_done(faults, process)
    (attempts, error), _ = faults.query("SELECT attempts, error FROM app.tasks ORDER BY position")
    assert (attempts, "'key'" in error) == (1, True)


async def test_a_task_that_kills_each_worker(faults: Faults, worker: StartWorker) -> None:
    with worker() as process:
        await faults.enqueue_keys("crash", ["a"])
        assert await faults.ended(process, seconds=120) == {"failure": 1}
        await others_are_done(faults, process)
        lines = [line for line in process.said().splitlines() if '"task_claimed"' in line]
    assert faults.counts("starts") == {"a": 3}
    ((history,), _) = faults.query("SELECT history FROM app.tasks ORDER BY position")
    events = ["sent", "claimed", "claimed", "claimed", "claimed", "failed"]
    assert [entry["event"] for entry in history] == events
    claims = [entry for entry in history if entry["event"] == "claimed"]
    assert all("@" in entry["worker"] for entry in claims)
    assert ["reason" in entry for entry in claims] == [False, True, True, True]
    assert len([line for line in lines if "faults.crash" in line]) == len(claims)


async def test_a_task_without_a_record_that_kills_each_worker(
    faults: Faults, worker: StartWorker
) -> None:
    with worker() as process:
        await faults.enqueue_keys("crash", ["a"], path="/sample/direct")

        async def given_up() -> bool:
            return "task_failed" in process.said()

        await eventually(given_up, process, seconds=120)
        await others_are_done(faults, process)
    assert faults.counts("starts") == {"a": 3}
