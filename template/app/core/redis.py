"""The connections to Redis of a process: few, because small plans allow few."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Any, TypeVar

from redis import ConnectionPool, Redis, RedisError
from redis import asyncio as async_redis
from redis.exceptions import NoScriptError

from app.core.logging import get_logger
from app.core.settings import CoreSettings, get_settings

log = get_logger(__name__)

Result = TypeVar("Result")

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


class Script:
    """A Lua script on an async client, with a shorter way than the client's own.

    The client needs as long for its retries and measurements as for the script. Questions that
    `OptionalRedis` asks do without them.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def run(
        self, redis: "async_redis.Redis", keys: Sequence[str], values: Sequence[str | bytes | float]
    ) -> Any:
        """Return the reply.

        Raises:
            redis.RedisError: Redis does not answer, or the script fails.
        """
        pool = redis.connection_pool
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.send_command("EVALSHA", self.sha, len(keys), *keys, *values)
            return await connection.read_response()
        except NoScriptError:
            await connection.send_command("EVAL", self.text, len(keys), *keys, *values)
            return await connection.read_response()
        finally:
            await pool.release(connection)


class RedisDownError(Exception):
    """Redis did not answer in time, or failed a moment ago."""


class OptionalRedis:
    """Asks Redis on behalf of requests that can be answered without it.

    A question may take `PATIENCE` seconds. After one that failed, the others fail at once, and one
    of them asks Redis every `PAUSE` seconds. So an outage delays few requests, and each by little.
    """

    PATIENCE = 0.5
    PAUSE = 1.0
    LOG_EVERY = 60.0  # seconds

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self.failures = 0  # questions without an answer since the start of the process
        self._down = False
        self._next_try = self._next_line = 0.0

    async def ask(self, question: Callable[[], Awaitable[Result]]) -> Result:
        """Return the answer of Redis.

        Raises:
            RedisDownError: there is none. It is logged once a minute.
        """
        now = time.monotonic()
        if self._down:
            if now < self._next_try:
                self.failures += 1
                raise RedisDownError
            self._next_try = now + self.PAUSE
        try:
            async with asyncio.timeout(self.PATIENCE):
                answer = await question()
        except (RedisError, OSError) as error:  # a TimeoutError is an OSError
            self._fail(error)
            raise RedisDownError from error
        self._down = False
        return answer

    def _fail(self, error: Exception) -> None:
        now = time.monotonic()
        self.failures += 1
        self._down, self._next_try = True, now + self.PAUSE
        if now >= self._next_line:
            self._next_line = now + self.LOG_EVERY
            log.error(
                "redis_unavailable",
                purpose=self.purpose,
                failures=self.failures,
                error=f"{type(error).__name__}: {error}"[:300],
            )
