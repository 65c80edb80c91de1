"""Redis that is restarted, emptied, or does not answer for a while, under load."""

import asyncio
import os
import signal

import pytest

from tests.core.tasks.faults.conftest import Faults, StartWorker
from tests.support.processes import eventually

pytestmark = pytest.mark.slow

PAUSE = 30.0  # seconds


class Load:
    """A context in which requests enqueue one task each, all the time."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.keys: list[str] = []
        self._stopping = False

    async def __aenter__(self) -> "Load":
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        await self._task

    async def more(self, number: int) -> None:
        """Wait until this number of further tasks is enqueued."""
        enough = len(self.keys) + number

        async def reached() -> bool:
            assert not self._task.done(), self._task.exception()
            return len(self.keys) >= enough

        await eventually(reached)

    async def _work(self) -> None:
        while not self._stopping:
            key = str(len(self.keys))
            await self.faults.enqueue_keys("count" if len(self.keys) % 2 else "count_async", [key])
            self.keys.append(key)
            await asyncio.sleep(0.02)


async def all_done_once(faults: Faults, load: Load) -> None:
    assert await faults.ended() == {"success": len(load.keys)}
    assert faults.counts("effects") == dict.fromkeys(load.keys, 1)


async def test_it_is_restarted(faults: Faults, worker: StartWorker) -> None:
    with worker():
        async with Load(faults) as load:
            await load.more(20)
            faults.stage.valkey.stop()
            await load.more(20)
            faults.stage.start_valkey()
            await load.more(20)
        await all_done_once(faults, load)


async def test_it_is_restarted_while_a_task_runs(faults: Faults, worker: StartWorker) -> None:
    with worker() as process:
        await faults.enqueue("linger", {"key": "a", "seconds": 3.5})
        await faults.runs("a", process)
        faults.stage.valkey.stop()
        faults.stage.start_valkey()
        assert await faults.ended(process) == {"success": 1}
        # The message may not have been acknowledged. Its task must not run again.
        await faults.enqueue_keys("count", ["b"])
        assert await faults.ended(process) == {"success": 2}
    assert faults.counts("effects") == {"a": 1, "b": 1}


async def test_it_is_emptied(faults: Faults, worker: StartWorker) -> None:
    with worker(concurrency=1) as process:
        await faults.enqueue("linger", {"key": "runs", "seconds": 3.5})
        await faults.runs("runs", process)
        await faults.enqueue_keys("count", ["waits", "waits, too"])

        async def sent() -> bool:
            unsent = "SELECT 1 FROM app.tasks WHERE sent_at IS NULL"
            return not faults.query(unsent)

        await eventually(sent, process)
        faults.redis().flushall()
        assert await faults.ended(process) == {"success": 3}
    assert faults.counts("effects") == {"runs": 1, "waits": 1, "waits, too": 1}


async def test_it_is_emptied_and_the_worker_with_its_task_is_killed(
    faults: Faults, worker: StartWorker
) -> None:
    with worker() as process:
        await faults.enqueue("linger", {"key": "a", "seconds": 60})
        await faults.runs("a", process)
        faults.redis().flushall()
        os.killpg(process.process.pid, signal.SIGKILL)
    with worker() as process:
        assert await faults.ended(process) == {"success": 1}
    assert faults.counts("effects") == {"a": 1}


async def test_it_does_not_answer(faults: Faults, worker: StartWorker) -> None:
    valkey = faults.stage.valkey.process
    assert valkey
    with worker() as process:
        async with Load(faults) as load:
            await load.more(20)
            valkey.send_signal(signal.SIGSTOP)
            try:
                # The test needs this time to pass.
                await asyncio.sleep(PAUSE)
            finally:
                valkey.send_signal(signal.SIGCONT)
            during = len(load.keys)
            await load.more(20)
        # Requests did not wait for Redis.
        assert during > 20 + PAUSE
        assert process.lives()
        await all_done_once(faults, load)
