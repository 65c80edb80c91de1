"""The connections to Redis of a process: few, because small plans allow few."""

from functools import cache
from typing import Any

from redis import ConnectionPool, Redis
from redis import asyncio as async_redis

from app.core.settings import CoreSettings, get_settings

# Of every connection that blocks. Times in seconds.
CONNECTION_OPTIONS: dict[str, Any] = {
    "health_check_interval": 30,
    "socket_keepalive": True,
    "socket_connect_timeout": 5,
    # A worker waits one second for the next message, so this must be longer.
    "socket_timeout": 10,
}


class SmallPool(ConnectionPool):
    """Keeps only the connection that was used last, and closes the other idle ones."""

    def release(self, connection: Any) -> None:
        """Take a connection back."""
        self.disconnect_free_connections()
        super().release(connection)


@cache
def process_pool() -> ConnectionPool:
    """The blocking connections of this process, shared with Celery.

    The pool is safe to use in threads. A forked process starts with an empty one.
    """
    settings = get_settings()
    pool, most = (SmallPool, 10) if settings.redis_connections == "small" else (ConnectionPool, 100)
    return pool.from_url(
        settings.redis_address, decode_responses=True, max_connections=most, **CONNECTION_OPTIONS
    )


def store() -> "Redis":
    """A client on the connections of this process. Build its keys with `redis_key`."""
    return Redis(connection_pool=process_pool())


def redis_key(name: str) -> str:
    """The name with the project's prefix: several projects may share one database of one Redis."""
    return f"{get_settings().db_schema}:{name}"


def async_client(settings: CoreSettings) -> "async_redis.Redis":
    """A client for one event loop. It has one connection; concurrent commands wait for it."""
    pool = async_redis.BlockingConnectionPool.from_url(
        settings.redis_address,
        max_connections=1,
        timeout=3,
        socket_timeout=3,
        socket_connect_timeout=3,
    )
    return async_redis.Redis.from_pool(pool)
