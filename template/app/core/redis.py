"""The connections to Redis of a process: few, because small plans allow few."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import cache, cached_property
from typing import Any, TypeVar

from redis import ConnectionPool, Redis, RedisError
from redis import asyncio as async_redis
from redis.exceptions import NoScriptError, ResponseError

from app.core.logging import get_logger
from app.core.settings import CoreSettings, get_settings

log = get_logger(__name__)

Result = TypeVar("Result")
Command = tuple[str | bytes | float, ...]

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


class Script(str):
    """The text of a Lua script."""

    @cached_property
    def sha(self) -> str:
        """The name under which Redis keeps it."""
        return hashlib.sha1(self.encode(), usedforsecurity=False).hexdigest()


class Scripts:
    """Runs scripts on the one connection of an async client, for questions of `OptionalRedis`.

    The client itself would take as long for its retries and measurements as for the script. Scripts
    that wait for the connection are sent together.
    """

    def __init__(self, redis: "async_redis.Redis") -> None:
        self._pool = redis.connection_pool
        self._is_busy = False
        self._waiting: list[tuple[Command, asyncio.Future[Any]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def run(
        self, script: Script, keys: Sequence[str], values: Sequence[str | bytes | float]
    ) -> Any:
        """Return the reply.

        Raises:
            redis.RedisError: Redis does not answer, or the script fails.
        """
        try:
            return await self._call(("EVALSHA", script.sha, len(keys), *keys, *values))
        except NoScriptError:
            return await self._call(("EVAL", script, len(keys), *keys, *values))

    async def _call(self, command: Command) -> Any:
        if self._is_busy:
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            self._waiting.append((command, future))
            return await future
        (reply,) = await self._send([command])
        if isinstance(reply, ResponseError):
            raise reply
        return reply

    async def _send(self, commands: list[Command]) -> list[Any]:
        """Return a reply for each command; an error that Redis reports is one of them."""
        self._is_busy = True
        try:
            connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
            try:
                await connection.send_packed_command(connection.pack_commands(commands))
                return [await _reply(connection) for _ in commands]
            finally:
                # A read that fails or is cancelled closes the connection.
                await self._pool.release(connection)
        finally:
            self._is_busy = False
            if self._waiting:
                self._sending = asyncio.create_task(self._send_waiting())

    async def _send_waiting(self) -> None:
        waiting = [each for each in self._waiting if not each[1].done()]
        self._waiting = []
        try:
            replies = await self._send([command for command, _ in waiting])
        except Exception as error:  # noqa: BLE001 - everyone who waits gets it
            replies = [error] * len(waiting)
        for (_, future), reply in zip(waiting, replies, strict=True):
            if future.done():
                continue
            if isinstance(reply, Exception):
                future.set_exception(reply)
            else:
                future.set_result(reply)


async def _reply(connection: Any) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


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

    def __init__(self) -> None:
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
                failures=self.failures,
                error=f"{type(error).__name__}: {error}"[:300],
            )


@cache
def optional_redis() -> OptionalRedis:
    """The one of this process: a request that asks several times waits for an outage once."""
    return OptionalRedis()
