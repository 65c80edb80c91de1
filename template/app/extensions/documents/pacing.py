"""Holds requests back so that all workers together stay below a provider's limit."""

import asyncio
import time

from app.core.redis import redis_key, store
from app.core.tasks import progress

MINUTE = 60


async def wait_for_turn(limit: int | None, done: int, total: int) -> None:
    """Return when one more request in this minute is within `limit`; without one, at once.

    Args:
        limit: requests in a minute.
        done: and
        total: what is told to who follows the task meanwhile.

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
