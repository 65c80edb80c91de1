"""The processes of the project, which measure, in a Redis database of their own."""

import signal
from contextlib import AbstractAsyncContextManager, AbstractContextManager

import pytest
from httpx import AsyncClient

from tests.support.processes import Process, own_redis, running, serving

TOKEN = "a-token-of-24-characters"
HEADERS = {"authorization": f"Bearer {TOKEN}"}
PATH = "/api/v1/metrics"


@pytest.fixture(scope="module")
def environment(database_url: str) -> dict[str, str]:
    """The services of the processes."""
    return {"DATABASE_URL": database_url, "REDIS_URL": own_redis(12), "METRICS_TOKEN": TOKEN}


def worker(**environment: str) -> AbstractContextManager[Process]:
    """Run a worker with the tasks of the probe."""
    alone = ("--concurrency=1", "--without-mingle", "--without-gossip")
    command = ("celery", "-A", "tests.extensions.metrics.probe_worker", "worker", *alone)
    return running(*command, stop=signal.SIGTERM, **environment)


def api(
    *options: str, **environment: str
) -> AbstractAsyncContextManager[tuple[AsyncClient, Process]]:
    """A client of the API with the probe, over a socket."""
    return serving("tests.extensions.metrics.probe_api:app", *options, **environment)
