"""The project's own processes, as children of a test."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from httpx import AsyncClient, TransportError

from devstack.ports import free_port

PROJECT = Path(__file__).parents[2]
SECONDS = 20.0  # how long a test waits for a process to do something


@dataclass
class Process:
    """A process, and its output."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def said(self) -> str:
        """Its output so far, of stdout and stderr."""
        return self.log.read_text(encoding="utf-8")

    def lives(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None


async def eventually(
    condition: Callable[[], Awaitable[object]], *processes: Process, seconds: float = SECONDS
) -> None:
    """Wait until a condition is true.

    Raises:
        AssertionError: it did not become true in time, or one of the processes ended.
    """
    deadline = time.monotonic() + seconds
    while not await condition():
        for process in processes:
            assert process.lives(), process.said()
        assert time.monotonic() < deadline, [process.said() for process in processes]
        await asyncio.sleep(0.02)


@contextmanager
def running(
    *arguments: str, stop: signal.Signals = signal.SIGTERM, **environment: str
) -> Iterator[Process]:
    """Run `python -m …` in the project; stop it at the end, by default with SIGTERM."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=PROJECT,
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                close_fds=False,  # a test may pass a socket; no other file is inheritable
            )
        child = Process(process, log)
        try:
            yield child
            if child.lives():
                os.killpg(process.pid, stop)
            # uvicorn shuts down, then ends by the signal, as shells expect.
            assert process.wait(SECONDS) in (0, -stop), child.said()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@asynccontextmanager
async def serving(
    application: str, *options: str, **environment: str
) -> AsyncIterator[tuple[AsyncClient, Process]]:
    """Run an application, `module:name`, with uvicorn; a client of it, as soon as it answers.

    A test that has to know the port before gives `--port=`.
    """
    chosen = (each.removeprefix("--port=") for each in options if each.startswith("--port="))
    port = next(chosen, str(free_port()))
    command = ("uvicorn", application, f"--port={port}", *options)
    with running(*command, stop=signal.SIGTERM, **environment) as process:
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

            async def answers() -> bool:
                try:
                    return (await client.get("/health/live")).is_success
                except TransportError:
                    return False

            await eventually(answers, process, seconds=60)
            yield client, process


def own_redis(number: int) -> str:
    """Empty a Redis database and return its URL, for processes that share it with no other test.

    Processes of pytest-xdist take the first numbers.
    """
    url = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{number}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url
