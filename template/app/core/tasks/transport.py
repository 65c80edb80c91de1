"""Celery's connections to Redis: fewer of them, and what becomes of messages when one is lost."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty
from typing import Any

from celery.worker import state
from kombu.transport import redis
from redis import ConnectionPool
from redis.exceptions import ConnectionError as ConnectionLostError

from app.core.redis import process_pool


class Channel(redis.Channel):
    """Leaves lost messages to Redis, which delivers them again after the visibility timeout.

    Celery and kombu 5.7 close a lost connection twice, and acknowledge on it what ends later, both
    after it was taken apart: a worker that ran a task when Redis was restarted died of it.
    """

    _commands: Any = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # kombu does this where it makes a pool.
        database = self.pool.connection_kwargs["db"]
        self.keyprefix_fanout = self.keyprefix_fanout.format(db=database)

    @property
    def do_restore(self) -> bool:  # type: ignore[override]
        """Whether to give messages back when this is closed: only if their tasks end, too.

        Else they would be handed to the next worker while they run here.
        """
        return any(why not in (None, False) for why in (state.should_stop, state.should_terminate))

    @property
    def pool(self) -> ConnectionPool:
        """The process's: kombu makes two for each channel, and a worker has four channels."""
        return process_pool()

    async_pool = pool

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """The client to send commands with, made once: kombu makes one for each command.

        Raises:
            ConnectionLostError: which Celery knows how to take.
        """
        if getattr(self.connection, "client", None) is None:
            raise ConnectionLostError("The connection to Redis was lost.")
        if self._commands is None:
            self._commands = self.Client(connection_pool=self.pool)
        yield client or self._commands

    def after_reply_message_received(self, queue: str) -> None:
        """Delete a queue of answers, once nobody waits at it: that would take a connection more."""
        if self._in_poll:  # type: ignore[attr-defined]
            with suppress(Empty):
                self._brpop_read()  # type: ignore[attr-defined]
        super().after_reply_message_received(queue)

    def forget(self, connection: Any) -> None:
        """Wait no more on a connection that is closed."""
        self._on_connection_disconnect(connection)  # type: ignore[attr-defined]

    def _disconnect_pools(self) -> None:
        """Nothing: others go on with the pool, and a new process begins with an empty one."""

    def _close_clients(self) -> None:
        client, subclient = vars(self).get("client"), vars(self).get("subclient")
        if client and client.connection:
            connection, client.connection = client.connection, None
            connection.disconnect()
            self.pool.release(connection)
        if subclient:
            subclient.reset()


class Poller(redis.MultiChannelPoller):
    """Waits for what channels are sent, each on a connection that it keeps for that."""

    def _register(self, channel: Any, client: Any, type: str) -> None:  # noqa: A002  kombu's name
        tell = partial(channel.forget, client.connection)
        client.connection.when_closed = tell
        super()._register(channel, client, type)  # type: ignore[misc]


class Transport(redis.Transport):
    """Redis with these channels."""

    Channel = Channel

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.cycle = Poller()
