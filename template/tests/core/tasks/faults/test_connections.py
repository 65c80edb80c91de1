"""How many connections to Redis all processes together hold under load."""

import asyncio
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest

from devstack.ports import HOST
from devstack.stack import Stack, fresh_values, processes
from tests.core.tasks.faults.conftest import Faults
from tests.support.processes import Process, eventually, running

pytestmark = pytest.mark.slow

# The API, a worker with two children, beat, and the processes of options hold ten. There may be two
# more for a moment, while two threads of one process send.
BUDGET = 12
ROUNDS = 25
SETTLED = 3  # seconds


@pytest.fixture
def others(faults: Faults, tmp_path: Path) -> Iterator[list[tuple[Process, str]]]:
    """The further processes of the dev stack, each with its address."""
    values = fresh_values()
    start = partial(running, stop=signal.SIGTERM, **faults.environment, **values)
    with socket.create_server((HOST, 0)) as listening, ExitStack() as started:
        found = processes(Stack(root=tmp_path, env=values, api_socket=listening))
        for each in found:
            for opened in each.sockets:
                started.enter_context(opened)
                opened.set_inheritable(True)
        yield [
            (
                started.enter_context(start(*each.command[2:])),
                next(iter(each.addresses.values())),
            )
            for each in found
            if each.name not in ("api", "worker", "beat")
        ]


async def test_all_processes_together(faults: Faults, others: list[tuple[Process, str]]) -> None:
    most: Counter[str] = Counter()
    stopping = False

    async def watch() -> None:
        with faults.redis() as client:
            own = str(client.client_id())
            while not stopping:
                found = [each for each in client.client_list() if each["id"] != own]
                if len(found) > most.total():
                    most.clear()
                    most.update(each["cmd"] for each in found)
                await asyncio.sleep(0.01)

    # As `app worker` runs it, with the tasks of the sample.
    command = ("tests.core.tasks.faults.sample_worker",)
    with running(*command, stop=signal.SIGTERM, **faults.environment) as process:
        for other, address in others:
            await eventually(lambda address=address: answers(address), other)  # type: ignore[misc]
        await eventually(lambda: settled(faults), process)
        watching = asyncio.create_task(watch())
        for number in range(ROUNDS):
            keys = [f"{number} {each}" for each in range(10)]
            await asyncio.gather(
                faults.enqueue_keys("count", keys),
                # The children of the worker send each next task.
                faults.enqueue_keys("count_async", keys, ordered_by=str(number)),
                faults.enqueue_keys("count", keys, path="/sample/direct"),
                *(ready(faults) for _ in range(5)),
            )
        assert await faults.ended(process) == {"success": ROUNDS * 20}

        stopping = True
        await watching
        said = process.said()
    # The processes of every project keep seven.
    assert 7 <= most.total() <= BUDGET, most
    assert "Too many connections" not in said


async def ready(faults: Faults) -> None:
    """Concurrent probes share one connection and wait for it."""
    assert (await faults.http.get("/health/ready")).is_success


async def settled(faults: Faults) -> bool:
    """Whether no connection is new, because all processes have finished their start."""
    with faults.redis() as client:
        own = str(client.client_id())
        found = client.client_list()
    return all(int(each["age"]) >= SETTLED for each in found if each["id"] != own)


async def answers(address: str) -> bool:
    """Whether a process serves its address, even if it asks for a password."""
    try:
        async with httpx.AsyncClient() as client:
            return (await client.get(address)).status_code < 500
    except httpx.TransportError:
        return False
