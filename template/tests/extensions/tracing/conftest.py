"""The processes of the project with a receiver of spans, in a Redis database of their own."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import redis
from httpx import AsyncClient, TransportError

from devstack.ports import free_port
from tests.extensions.tracing.sink import Sink, receiving
from tests.support.processes import Process, eventually, running

# Processes of pytest-xdist take the first ones.
REDIS_DATABASE = 14


@pytest.fixture
def sink() -> Iterator[Sink]:
    with receiving() as sink:
        yield sink


@pytest.fixture(scope="module")
def environment(database_url: str) -> dict[str, str]:
    """The services of the processes."""
    url = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{REDIS_DATABASE}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return {"DATABASE_URL": database_url, "REDIS_URL": url, "OTEL_BSP_SCHEDULE_DELAY": "100"}


@asynccontextmanager
async def api(**environment: str) -> AsyncIterator[tuple[AsyncClient, Process]]:
    """A client of the API with the probe, over a socket."""
    port = free_port()
    command = ("uvicorn", "tests.extensions.tracing.probe_api:app", f"--port={port}")
    with running(*command, stop=signal.SIGTERM, **environment) as process:
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

            async def answers() -> bool:
                try:
                    return (await client.get("/health/live")).is_success
                except TransportError:
                    return False

            await eventually(answers, process, seconds=60)
            yield client, process
