"""Celery's connections to Redis: few, and a worker that survives when one is lost.

kombu keeps two pools for each of its channels, and no setting changes that: all processes together
would hold 21 connections, and the budget is ten. Here all channels of a process share one pool, and
a channel has a connection of its own only while it waits for messages. Because this overrides
private methods of kombu, `pyproject.toml` sets an upper bound for it.
"""

from typing import Any

from celery.worker import state
from kombu.transport import redis
from redis import ConnectionPool

from app.core.redis import process_pool


class Channel(redis.Channel):
    """A channel that sends commands on the pool of the process."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # kombu has opened a connection for a ping. It opens another one if it waits for messages.
        self.async_pool.disconnect()

    @property
    def do_restore(self) -> bool:  # type: ignore[override]
        """Whether closing gives unacknowledged messages back: only in a cold stop.

        A cold stop cancels their tasks. After a lost connection the tasks still run here, so no
        other worker must get their messages. Celery 5.7 would also fail with an AttributeError
        then, and the worker would die. Redis delivers the messages again after the visibility
        timeout.
        """
        return bool(state.should_terminate)

    def _get_pool(self, *, asynchronous: bool = False) -> ConnectionPool:
        return super()._get_pool(asynchronous=True) if asynchronous else process_pool()  # type: ignore[misc]

    def _disconnect_pools(self) -> None:
        # The other users of the process's pool go on.
        self._pool = None
        super()._disconnect_pools()  # type: ignore[misc]


class Transport(redis.Transport):
    """kombu's transport with these channels."""

    Channel = Channel
