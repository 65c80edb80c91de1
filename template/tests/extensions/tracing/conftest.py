"""The processes of the project with a receiver of spans, in a Redis database of their own."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager

import pytest
from httpx import AsyncClient

from tests.extensions.tracing.sink import Sink, receiving
from tests.support.processes import Process, own_redis, serving


@pytest.fixture
def sink() -> Iterator[Sink]:
    with receiving() as sink:
        yield sink


@pytest.fixture(scope="module")
def environment(database_url: str) -> dict[str, str]:
    """The services of the processes."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": own_redis(14),
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }


def api(**environment: str) -> AbstractAsyncContextManager[tuple[AsyncClient, Process]]:
    """A client of the API with the probe, over a socket."""
    return serving("tests.extensions.tracing.probe_api:app", **environment)
