"""The processes of the project, which measure, in a Redis database of their own."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager

import pytest
import redis
from httpx import AsyncClient, TransportError

from devstack.ports import free_port
from tests.support.processes import Process, eventually, running

# Processes of pytest-xdist take the first ones.
REDIS_DATABASE = 12
TOKEN = "a-token-of-24-characters"
HEADERS = {"authorization": f"Bearer {TOKEN}"}
PATH = "/api/v1/metrics"


@pytest.fixture(scope="module")
def environment(database_url: str) -> dict[str, str]:
    """The services of the processes."""
    url = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{REDIS_DATABASE}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return {"DATABASE_URL": database_url, "REDIS_URL": url, "METRICS_TOKEN": TOKEN}


def worker(**environment: str) -> AbstractContextManager[Process]:
    """Run a worker with the tasks of the probe."""
    alone = ("--concurrency=1", "--without-mingle", "--without-gossip")
    command = ("celery", "-A", "tests.extensions.metrics.probe_worker", "worker", *alone)
    return running(*command, stop=signal.SIGTERM, **environment)


@asynccontextmanager
async def api(*options: str, **environment: str) -> AsyncIterator[tuple[AsyncClient, Process]]:
    """A client of the API with the probe, over a socket."""
    port = free_port()
    command = ("uvicorn", "tests.extensions.metrics.probe_api:app", f"--port={port}", *options)
    with running(*command, stop=signal.SIGTERM, **environment) as process:
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

            async def answers() -> bool:
                try:
                    return (await client.get("/health/live")).is_success
                except TransportError:
                    return False

            await eventually(answers, process, seconds=60)
            yield client, process
