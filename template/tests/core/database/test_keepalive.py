"""Connections notice that the host of the database has vanished."""

import os
import socket
import sys

import pytest
from sqlalchemy import NullPool

from app.core.database import async_engine, sync_engine
from app.core.settings import get_settings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have other options")

# idle 30 s, then 3 probes in 10 s each; what was sent must be acknowledged in 60 s.
EXPECTED = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 60_000}


def options(descriptor: int) -> dict[str, int]:
    with socket.socket(fileno=os.dup(descriptor)) as tcp:
        assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        return {
            name: tcp.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in EXPECTED
        }


def test_connections_of_tasks_and_commands() -> None:
    settings = get_settings()
    engine = sync_engine(settings.database_url, settings, poolclass=NullPool)
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver
        assert options(driver.pgconn.socket) == EXPECTED


async def test_connections_of_the_api() -> None:
    engine = async_engine(get_settings())
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        assert driver
        assert options(driver._transport.get_extra_info("socket").fileno()) == EXPECTED
    await engine.dispose()
