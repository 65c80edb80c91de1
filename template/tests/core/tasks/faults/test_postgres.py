"""Postgres that is restarted under load."""

import asyncio

import httpx
import pytest

from tests.core.tasks.faults.conftest import Faults, StartWorker

pytestmark = pytest.mark.slow

TASKS = 300


@pytest.mark.parametrize("ordered_by", [None, "key"])
async def test_it_is_restarted(faults: Faults, worker: StartWorker, ordered_by: str | None) -> None:
    keys = [str(number) for number in range(TASKS)]
    for task, mine in (("count", keys[::2]), ("count_async", keys[1::2])):
        await faults.enqueue_keys(task, mine, ordered_by=ordered_by)
    with worker() as process:
        for _ in range(2):
            await some_are_done(faults)
            # An immediate stop, like a failover: it breaks sessions inside a transaction.
            faults.stage.postgres.stop(timeout=0)
            await asyncio.gather(*(cannot_enqueue(faults) for _ in range(10)))
            faults.stage.start_postgres()
        assert await faults.ended(process, seconds=120) == {"success": TASKS}
        # The pool and the relay of the API have recovered too.
        await faults.enqueue_keys("count", ["later"])
        await faults.ended(process)
        said = process.said()
    assert faults.counts("effects") == dict.fromkeys([*keys, "later"], 1)
    # Tasks with one key run one by one, so none may have been in the queue during a restart.
    assert ordered_by or "the database is down" in said


async def some_are_done(faults: Faults) -> None:
    before = faults.counts("effects").total()
    while faults.counts("effects").total() < before + 20:
        await asyncio.sleep(0.02)


async def cannot_enqueue(faults: Faults) -> None:
    with pytest.raises(httpx.HTTPStatusError):
        await faults.enqueue_keys("count", ["never"])
