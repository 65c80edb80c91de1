"""Flower on the project's Celery application.

This does not use `celery flower`, because that reads options from FLOWER_* in the environment and
from a file in the working directory, and each of them can remove the password.
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
    """The metrics, with a password: they contain names of tasks and workers."""

    @authenticated
    async def get(self) -> None:
        """Respond as Flower does."""
        await super().get()


def serve(celery: Celery, sockets: list[socket], user: str, password: str) -> None:
    """Serve the page on open sockets until SIGTERM or SIGINT."""
    options.basic_auth = [f"{user}:{password}"]
    options.read_only = True
    options.max_tasks = MAX_TASKS
    # Workers send events without being asked: see `celery.py`.
    options.enable_events = False
    # Without a pool, the connection of a question to the workers is closed after its answers.
    celery.conf.broker_pool_limit = 0
    # `CLIENT LIST` of Redis shows this name.
    celery.conf.broker_transport_options["client_name"] = "flower"
    process_pool().connection_kwargs["client_name"] = "flower"
    flower = Flower(capp=celery, options=options, **settings)
    flower.add_handlers(".*", [("/metrics", PrivateMetrics)])
    # One question at a time, so that one connection is enough.
    flower.inspector = Inspector(
        flower.io_loop, celery, options.inspect_timeout / 1000, max_concurrency=1
    )
    # Do not log every request.
    logging.getLogger("tornado.access").setLevel(logging.WARNING)
    HTTPServer(flower).add_sockets(sockets)
    signal.signal(signal.SIGTERM, _end)
    try:
        flower.start()
    except (KeyboardInterrupt, SystemExit):
        flower.stop()


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit
