"""The processes of the project with a Sentry, in a Redis database of their own."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager

import pytest
import redis
from httpx import AsyncClient, TransportError

from devstack.ports import free_port
from tests.extensions.sentry.sink import Sink, receiving
from tests.support.processes import Process, eventually, running

# Processes of pytest-xdist take the first ones.
REDIS_DATABASE = 13


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
    return {"DATABASE_URL": database_url, "REDIS_URL": url}


def worker(**environment: str) -> AbstractContextManager[Process]:
    """Run a worker with the tasks of the probe; it is stopped warmly."""
    alone = ("--concurrency=1", "--without-mingle", "--without-gossip", "--loglevel=INFO")
    command = ("celery", "-A", "tests.extensions.sentry.probe_worker", "worker", *alone)
    return running(*command, stop=signal.SIGTERM, **environment)


@asynccontextmanager
async def api(**environment: str) -> AsyncIterator[tuple[AsyncClient, Process]]:
    """A client of the API with the probe, over a socket."""
    port = free_port()
    command = ("uvicorn", "tests.extensions.sentry.probe_api:app", f"--port={port}")
    with running(*command, stop=signal.SIGTERM, **environment) as process:
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

            async def answers() -> bool:
                try:
                    return (await client.get("/health/live")).is_success
                except TransportError:
                    return False

            await eventually(answers, process, seconds=60)
            yield client, process
