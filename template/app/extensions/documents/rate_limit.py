"""A limit on requests to the embedding provider, shared by all workers."""

import asyncio
import time

from app.core.redis import redis_key, store
from app.core.tasks import progress

MINUTE = 60


async def wait_for_turn(limit: int | None, done: int, total: int) -> None:
    """Wait until another request in the current minute is within `limit`; None is no limit.

    Args:
        limit: requests in a minute.
        done: the progress to report while waiting, and
        total: its total.

    Raises:
        CancelledError: the task was asked to stop.
    """
    while limit:
        now = time.time()
        key = redis_key(f"documents:embedding:{int(now // MINUTE)}")
        count = store().incr(key)
        store().expire(key, 2 * MINUTE)
        if count <= limit:
            return
        for _ in range(int(MINUTE - now % MINUTE) + 1):
            progress(done, total)
            await asyncio.sleep(1)
