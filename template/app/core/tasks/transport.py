"""Celery's connections to Redis: fewer of them, and what becomes of messages when one is lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.worker import state
from kombu.transport import redis
from redis.exceptions import ConnectionError as ConnectionLostError


class Channel(redis.Channel):
    """Leaves lost messages to Redis, which delivers them again after the visibility timeout.

    Celery and kombu 5.7 close a lost connection twice, and acknowledge on it what ends later, both
    after it was taken apart: a worker that ran a task when Redis was restarted died of it.
    """

    _commands: Any = None

    @property
    def do_restore(self) -> bool:  # type: ignore[override]
        """Whether to give messages back when this is closed: only if their tasks end, too.

        Else they would be handed to the next worker while they run here.
        """
        return any(why not in (None, False) for why in (state.should_stop, state.should_terminate))

    @property
    def pool(self) -> Any:
        """The consumer's, for everything: a process that only publishes would keep one of each."""
        return self.async_pool

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """The client to send commands with, made once: kombu makes one for each command.

        Raises:
            ConnectionLostError: which Celery knows how to take.
        """
        if getattr(self.connection, "client", None) is None:
            raise ConnectionLostError("The connection to Redis was lost.")
        if self._commands is None or self._commands.connection_pool is not self.pool:
            self._commands = self.Client(connection_pool=self.pool)
        yield client or self._commands


class Transport(redis.Transport):
    """Redis with these channels."""

    Channel = Channel
