"""The connections to Redis of a process: few, for plans allow few."""

from collections.abc import Callable
from functools import cache
from typing import Any

from redis import Connection, ConnectionPool, Redis
from redis import asyncio as async_redis
from redis.connection import parse_url

from app.core.settings import CoreSettings, get_settings

# By REDIS_CONNECTIONS: how many a process keeps that nobody uses, and may open at most.
KEPT = {"small": 1, "large": 10}
MOST = {"small": 10, "large": 100}


class Closable:
    """What a connection gets so that whoever waits on it hears that it is closed."""

    when_closed: Callable[[], None] | None = None

    def disconnect(self, *arguments: Any, **named: Any) -> None:
        """Close it."""
        super().disconnect(*arguments, **named)  # type: ignore[misc]
        if self.when_closed:
            tell, self.when_closed = self.when_closed, None
            tell()


class Pool(ConnectionPool):
    """Keeps no more connections than it is told to once they are given back."""

    def __init__(self, kept: int, **named: Any) -> None:
        self.kept = kept
        super().__init__(**named)

    def release(self, connection: Any) -> None:
        """Take a connection back."""
        super().release(connection)
        with self._lock:
            for each in self._available_connections[: -self.kept]:
                each.disconnect()


@cache
def process_pool() -> ConnectionPool:
    """Connections of this process for everything that blocks: Celery's, too.

    It is safe in threads, and empty in a process that was forked.
    """
    settings = get_settings()
    address = parse_url(settings.redis_address)  # type: ignore[no-untyped-call]
    connection_class = address.pop("connection_class", Connection)
    return Pool(
        KEPT[settings.redis_connections],
        **address,
        connection_class=type("Connection", (Closable, connection_class), {}),
        decode_responses=True,
        max_connections=MOST[settings.redis_connections],
        health_check_interval=30,
        socket_keepalive=True,
        socket_connect_timeout=5,
        # Longer than a worker waits for the next message, which is a second.
        socket_timeout=10,
    )


def store() -> "Redis":
    """A client of this process's connections. Its keys want a prefix: `redis_key`."""
    return Redis(connection_pool=process_pool())


def redis_key(name: str) -> str:
    """The name with the project's prefix: several projects may share one database of one Redis."""
    return f"{get_settings().db_schema}:{name}"


def async_client(settings: CoreSettings) -> "async_redis.Redis":
    """A client for the event loop of one process: one connection, for which others wait."""
    pool = async_redis.BlockingConnectionPool.from_url(
        settings.redis_address,
        max_connections=1,
        timeout=3,
        socket_timeout=3,
        socket_connect_timeout=3,
    )
    return async_redis.Redis.from_pool(pool)
