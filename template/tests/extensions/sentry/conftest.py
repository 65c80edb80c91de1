"""The processes of the project with a Sentry, in a Redis database of their own."""

import signal
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager

import pytest
from httpx import AsyncClient

from tests.extensions.sentry.sink import Sink, receiving
from tests.support.processes import Process, own_redis, running, serving


@pytest.fixture
def sink() -> Iterator[Sink]:
    with receiving() as sink:
        yield sink


@pytest.fixture(scope="module")
def environment(database_url: str) -> dict[str, str]:
    """The services of the processes."""
    return {"DATABASE_URL": database_url, "REDIS_URL": own_redis(13)}


def worker(**environment: str) -> AbstractContextManager[Process]:
    """Run a worker with the tasks of the probe; it is stopped warmly."""
    alone = ("--concurrency=1", "--without-mingle", "--without-gossip", "--loglevel=INFO")
    command = ("celery", "-A", "tests.extensions.sentry.probe_worker", "worker", *alone)
    return running(*command, stop=signal.SIGTERM, **environment)


def api(**environment: str) -> AbstractAsyncContextManager[tuple[AsyncClient, Process]]:
    """A client of the API with the probe, over a socket."""
    return serving("tests.extensions.sentry.probe_api:app", **environment)
