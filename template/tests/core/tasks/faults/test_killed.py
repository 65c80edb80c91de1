"""Processes that are killed, for example by the kernel when memory is short."""

import os
import signal

import httpx
import pytest

from devstack.ports import free_port
from tests.core.tasks.faults.conftest import Faults, StartWorker, answers
from tests.support.processes import running

pytestmark = pytest.mark.slow


async def test_a_child_of_the_worker(faults: Faults, worker: StartWorker) -> None:
    with worker() as process:
        await faults.enqueue("linger", {"key": "a", "seconds": 60})
        os.kill(await faults.runs("a", process), signal.SIGKILL)
        assert await faults.ended(process) == {"success": 1}
    assert faults.counts("starts") == {"a": 2}
    assert faults.counts("effects") == {"a": 1}
    # The worker gave the message back, so the sweep did not have to send another one.
    assert faults.query("SELECT deliveries FROM app.tasks") == [(1,)]


async def test_a_whole_worker(faults: Faults, worker: StartWorker) -> None:
    with worker() as process:
        await faults.enqueue("linger", {"key": "a", "seconds": 60})
        await faults.runs("a", process)
        # Two more, which the worker holds or which wait in the queue.
        await faults.enqueue_keys("count", ["b", "c"])
        os.killpg(process.process.pid, signal.SIGKILL)
    with worker() as process:
        assert await faults.ended(process) == {"success": 3}
    assert faults.counts("starts") == {"a": 2}
    assert faults.counts("effects") == {"a": 1, "b": 1, "c": 1}


async def test_the_api_between_commit_and_message(faults: Faults, worker: StartWorker) -> None:
    port = free_port()
    command = ("uvicorn", "tests.core.tasks.faults.sample_api:app", f"--port={port}")
    with running(*command, stop=signal.SIGKILL, **faults.environment) as api:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await answers(client, api)
            body = {"task": "count", "calls": [{"key": "a"}]}
            with pytest.raises(httpx.TransportError):
                await client.post("/sample/killed", json=body)
    assert faults.query("SELECT state, deliveries FROM app.tasks") == [("pending", 0)]
    with worker() as process:
        assert await faults.ended(process) == {"success": 1}
    assert faults.counts("effects") == {"a": 1}
