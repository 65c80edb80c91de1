"""The event loop of a worker process: one for all its async tasks, so that they share a pool."""

import asyncio
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

from celery.signals import worker_process_init, worker_process_shutdown

from app.core.database import Database, async_engine, forget_process_engine
from app.core.settings import get_settings

T = TypeVar("T")


@cache
def process_loop() -> asyncio.AbstractEventLoop:
    """The loop of this process, in its own thread. It starts at the first use, after a fork."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="tasks-loop", daemon=True).start()
    return loop


@cache
def process_database() -> Database:
    """The async database of this process. One connection is enough for one task at a time."""
    return Database(async_engine(get_settings().model_copy(update={"db_pool_size": 1})))


def run_on_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the loop of the process and wait for it.

    Celery raises its soft time limit here, in the waiting thread, and the coroutine is cancelled.
    A coroutine that ignores this is waited for, because the next task needs its connection; Celery
    kills the process at the hard time limit.
    """
    ended = threading.Event()

    async def run() -> T:
        try:
            return await coroutine
        finally:
            ended.set()

    future = asyncio.run_coroutine_threadsafe(run(), process_loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        ended.wait()
        raise


@worker_process_init.connect
def _forked(**_: Any) -> None:
    # The connections belong to the parent process.
    forget_process_engine(close=False)


@worker_process_shutdown.connect
def _close(**_: Any) -> None:
    try:
        if process_database.cache_info().currsize:
            run_on_loop(process_database().close())
    finally:
        forget_process_engine()
