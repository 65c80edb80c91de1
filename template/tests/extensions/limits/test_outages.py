"""Limits while Redis is stopped or frozen, and after it."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from app.core.redis import OptionalRedis, optional_redis
from devstack.valkey import Valkey
from tests.extensions.limits.conftest import client_of, limited_api, statuses
from tests.support.logs import rendered

CLOSED, DEFAULT = "/probe/inner/closed", "/probe/inner/default"


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Valkey:
    """A Valkey that the tests may break."""
    return Valkey(tmp_path_factory.mktemp("valkey") / "valkey").start()


@pytest.fixture(scope="module")
async def app(valkey: Valkey) -> AsyncIterator[FastAPI]:
    """An API with limits that uses it."""
    async with limited_api(
        REDIS_URL=valkey.url, LIMITS_DEFAULT="5/minute", LIMITS_TIERS="anonymous=1"
    ) as app:
        assert app.state.limiter.redis is optional_redis()  # a request waits once for all that ask
        app.state.limiter.redis = OptionalRedis()
        yield app
    if valkey.process:
        valkey.stop()


async def test_a_frozen_redis_delays_a_request_in_a_second_and_opens_what_is_not_closed(
    app: FastAPI, valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    assert valkey.process
    async with client_of(app) as client:
        assert await statuses(client, CLOSED, 1) == [200]
        os.kill(valkey.process.pid, signal.SIGSTOP)
        try:
            started = time.monotonic()
            found = await asyncio.gather(*(client.get(DEFAULT) for _ in range(20)))
            assert time.monotonic() - started < OptionalRedis.PATIENCE + 1
            # The process counts by itself.
            assert sorted(answer.status_code for answer in found) == [200] * 5 + [429] * 15
            assert found[0].headers["ratelimit-policy"] == '"default";q=5;w=60'
            started = time.monotonic()
            refused = await client.get(CLOSED)
            assert time.monotonic() - started < OptionalRedis.PATIENCE + 0.5
            assert (refused.status_code, refused.json()["code"]) == (503, "limits_unavailable")
            assert int(refused.headers["retry-after"]) >= 1
        finally:
            os.kill(valkey.process.pid, signal.SIGCONT)
        lines = [line for line in rendered(caplog) if "redis_unavailable" in line]
        assert len(lines) == 1
        assert "Traceback" not in lines[0]
        assert app.state.limiter.redis.failures >= 21
        await recovered(app)


async def test_a_stopped_redis_and_one_that_has_forgotten_everything(
    app: FastAPI, valkey: Valkey
) -> None:
    data, port = valkey.data_dir, valkey.port
    valkey.stop()
    async with client_of(app, "203.0.113.9") as client:
        assert await statuses(client, DEFAULT, 6) == [200] * 5 + [429]
        assert await statuses(client, CLOSED, 1) == [503]
        again = Valkey(data, port).start()
        valkey.process = again.process
        # The scripts are gone as well.
        await recovered(app)
        assert await statuses(client, DEFAULT, 1) == [200]


async def recovered(app: FastAPI) -> None:
    """Wait until requests are counted in Redis."""
    deadline = time.monotonic() + 3 * OptionalRedis.PAUSE
    async with client_of(app, "203.0.113.99") as client:
        while (await client.get(CLOSED)).status_code == 503:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
