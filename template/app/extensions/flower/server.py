"""Flower on the project's Celery application.

Not by `celery flower`: that takes options from FLOWER_* in the environment and from a file in the
working directory, one of which would do to leave the page open.
"""

import logging
import signal
from socket import socket
from types import FrameType

from celery import Celery
from flower.app import Flower  # type: ignore[import-untyped]
from flower.inspector import Inspector  # type: ignore[import-untyped]
from flower.options import options  # type: ignore[import-untyped]
from flower.urls import settings  # type: ignore[import-untyped]
from flower.views.monitor import Metrics  # type: ignore[import-untyped]
from tornado.httpserver import HTTPServer
from tornado.web import authenticated

from app.core.redis import process_pool

MAX_TASKS = 10_000  # kept in memory


class PrivateMetrics(Metrics):  # type: ignore[misc]
    """The names of tasks and workers; Flower's own shows them to everybody."""

    @authenticated
    async def get(self) -> None:
        """Answer as Flower does."""
        await super().get()


def serve(celery: Celery, sockets: list[socket], user: str, password: str) -> None:
    """Serve the page on open sockets until SIGTERM or SIGINT."""
    options.basic_auth = [f"{user}:{password}"]
    options.read_only = True
    options.max_tasks = MAX_TASKS
    # See `celery.py`: the workers send events without being asked.
    options.enable_events = False
    # The connection on which a question waits for its answers is given back with the last one.
    celery.conf.broker_pool_limit = 0
    # `CLIENT LIST` of Redis shows this name.
    celery.conf.broker_transport_options["client_name"] = "flower"
    process_pool().connection_kwargs["client_name"] = "flower"
    flower = Flower(capp=celery, options=options, **settings)
    flower.add_handlers(".*", [("/metrics", PrivateMetrics)])
    # One question at a time needs one connection.
    flower.inspector = Inspector(
        flower.io_loop, celery, options.inspect_timeout / 1000, max_concurrency=1
    )
    # Flower does not show them either, but for those that are refused.
    logging.getLogger("tornado.access").setLevel(logging.WARNING)
    HTTPServer(flower).add_sockets(sockets)
    signal.signal(signal.SIGTERM, _end)
    try:
        flower.start()
    except (KeyboardInterrupt, SystemExit):
        flower.stop()


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit
