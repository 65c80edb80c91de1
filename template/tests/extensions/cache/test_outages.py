"""The cache while Redis is stopped or frozen: answers stay right, and wait a little at most."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.redis import OptionalRedis, Scripts, async_client, optional_redis
from app.core.settings import get_settings
from app.extensions.cache.service import invalidate
from app.extensions.cache.store import STORE_OF_PROCESS
from devstack.valkey import Valkey
from tests.extensions.cache import probe
from tests.support.logs import rendered


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A Valkey that the tests may break."""
    with Valkey(tmp_path_factory.mktemp("valkey") / "valkey") as valkey:
        yield valkey


@pytest.fixture
async def breakable(
    valkey: Valkey, probe_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncClient]:
    """A client of an API whose cache is in that Valkey."""
    assert STORE_OF_PROCESS.redis is optional_redis()  # a request waits once for all that ask
    redis = async_client(get_settings().model_copy(update={"redis_url": valkey.url}))
    monkeypatch.setattr(STORE_OF_PROCESS, "_scripts", Scripts(redis))
    monkeypatch.setattr(STORE_OF_PROCESS, "redis", OptionalRedis())
    yield probe_client
    await redis.aclose()


async def test_a_frozen_redis(
    breakable: AsyncClient,
    valkey: Valkey,
    session: AsyncSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert valkey.process
    first = await breakable.get("/plain")
    assert (await breakable.get("/plain")).headers["cache-status"] == "app; hit"
    os.kill(valkey.process.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        found = await asyncio.gather(*(breakable.get("/plain") for _ in range(20)))
        assert time.monotonic() - started < OptionalRedis.PATIENCE + 2
        assert {answer.status_code for answer in found} == {200}
        assert {answer.headers["cache-status"] for answer in found} == {
            "app; fwd=bypass; detail=redis"
        }
        await session.connection()
        invalidate(session, "plain")
        started = time.monotonic()
        await session.commit()
        assert time.monotonic() - started < OptionalRedis.PATIENCE + 2
    finally:
        os.kill(valkey.process.pid, signal.SIGCONT)
    lines = [line for line in rendered(caplog) if "redis_unavailable" in line]
    assert len(lines) == 1
    assert "Traceback" not in lines[0]
    # Requests for the same entry share a question.
    assert STORE_OF_PROCESS.redis.failures >= 2

    # What was invalidated in the meantime is not served.
    deadline = time.monotonic() + 10
    while "bypass" in (answer := await breakable.get("/plain")).headers["cache-status"]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert answer.json() != first.json()
    assert answer.json()["run"] > 20
    assert (await breakable.get("/plain")).headers["cache-status"] == "app; hit"


async def test_a_redis_that_is_gone(breakable: AsyncClient, valkey: Valkey) -> None:
    await breakable.get("/plain")
    before = probe.runs["plain"]
    valkey.stop()
    started = time.monotonic()
    for _ in range(5):
        answer = await breakable.get("/plain")
        assert answer.headers["cache-status"] == "app; fwd=bypass; detail=redis"
        assert answer.json()["run"] > before
    assert time.monotonic() - started < OptionalRedis.PATIENCE + 3
