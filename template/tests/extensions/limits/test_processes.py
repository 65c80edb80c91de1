"""Another API process behind a proxy, over a socket."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.extensions.limits.conftest import DEFAULT, TIERS, client_of, statuses
from tests.support.processes import serving

PATH = "/probe/inner/default"
ADDRESS = "127.0.0.1"


@pytest.fixture(scope="module")
async def other() -> AsyncIterator[AsyncClient]:
    """A client of another process with the same Redis. It trusts another proxy than this client."""
    async with serving(
        "tests.extensions.limits.probe_api:app",
        LIMITS_ENABLED="true",
        LIMITS_DEFAULT=DEFAULT,
        LIMITS_TIERS=TIERS,
        FORWARDED_ALLOW_IPS="203.0.113.250",
    ) as (client, _):
        yield client


async def test_processes_share_the_count_and_forged_addresses_do_not_help(
    limited_app: FastAPI, other: AsyncClient
) -> None:
    async with client_of(limited_app, ADDRESS) as own:
        assert await statuses(own, PATH, 2) == [200] * 2
        found = [
            await other.get(PATH, headers={"X-Forwarded-For": f"198.51.100.{number}"})
            for number in range(4)
        ]
        assert [answer.status_code for answer in found] == [200] * 3 + [429]
        assert (await own.get(PATH)).status_code == 429


async def test_a_websocket_is_refused_with_a_status(other: AsyncClient) -> None:
    address = str(other.base_url.copy_with(scheme="ws", path="/probe/inner/socket"))
    async with connect(address) as socket:
        assert await socket.recv() == "hello"
    with pytest.raises(InvalidStatus) as refused:
        await connect(address)
    assert refused.value.response.status_code == 429
    assert int(refused.value.response.headers["retry-after"]) >= 1
