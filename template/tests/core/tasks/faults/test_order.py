"""Tasks with the same `ordered_by`, under two workers, with runs that fail."""

import asyncio
import os
import random
import signal

import pytest

from tests.core.tasks.faults.conftest import Faults, StartWorker

pytestmark = pytest.mark.slow

KEYS = ("red", "green", "blue")
STEPS = 12


async def test_they_run_in_the_order_in_which_they_were_enqueued(
    faults: Faults, worker: StartWorker
) -> None:
    with worker() as one, worker() as other:
        chance = random.Random(1)

        async def enqueue(key: str) -> None:
            for number in range(STEPS):
                call = {"key": f"{key} {number:02}", "failures": chance.choice((0, 0, 0, 1, 2))}
                await faults.enqueue("step", call, ordered_by=key)

        await asyncio.gather(*(enqueue(key) for key in KEYS))
        assert await faults.ended(one, other, seconds=120) == {"success": len(KEYS) * STEPS}
    done = [key for (key,) in faults.query("SELECT key FROM app.effects ORDER BY position")]
    for key in KEYS:
        assert [each for each in done if each.startswith(key)] == [
            f"{key} {number:02}" for number in range(STEPS)
        ]
    # The keys do not wait for each other.
    assert done != sorted(done)


async def test_the_next_one_waits_for_a_task_whose_worker_was_killed(
    faults: Faults, worker: StartWorker
) -> None:
    with worker() as process:
        await faults.enqueue("linger", {"key": "first", "seconds": 60}, ordered_by="key")
        await faults.enqueue_keys("count", ["second"], ordered_by="key")
        os.kill(await faults.runs("first", process), signal.SIGKILL)
        assert await faults.ended(process) == {"success": 2}
    assert [key for (key,) in faults.query("SELECT key FROM app.effects ORDER BY position")] == [
        "first",
        "second",
    ]
