"""Counts of requests in a sliding window, in Redis or in this process.

The window is approximated as the library `limits` does: the requests of the previous window count
by the share of it that is still within reach. Refused requests do not count, so a caller who keeps
trying gets in again as early as one who waits.
"""

import math
import time
from typing import NamedTuple

from cachetools import LRUCache
from limits.aio.storage.redis.bridge import RedisBridge
from redis.asyncio import Redis

from app.core.redis import Script, Scripts, redis_key

OWN_COUNTS = 10_000  # callers that a process counts by itself
LISTED = 1000  # callers at their limit that Redis lists


class Count(NamedTuple):
    """A request to be counted."""

    key: str
    amount: int  # of requests that are allowed
    seconds: int  # in which they are allowed
    cost: int = 1


class Window(NamedTuple):
    """The state of a window after a request."""

    taken: bool  # whether the request was counted, and not refused
    previous: int  # requests in the previous window
    previous_left: float  # seconds until the previous window no longer counts
    current: int
    current_left: float  # seconds until the current window no longer counts

    def remaining(self, amount: int, seconds: int) -> int:
        """How many more requests are possible now."""
        used = math.floor(self.previous * self.previous_left / seconds) + self.current
        return max(0, amount - used)

    def resets_in(self, seconds: int) -> int:
        """Seconds until the current window becomes the previous one, at least 1."""
        return max(1, math.ceil(self.current_left - seconds))

    def retry_after(self, amount: int, seconds: int, cost: int) -> int:
        """Seconds after which a request is possible again, at least 1."""
        free = amount - cost - self.current
        if free >= 0:  # as soon as the previous window counts less
            wait = self.previous_left - (free + 1) * seconds / max(1, self.previous)
        else:  # as soon as the current window is the previous one, and counts less
            wait = self.current_left - (amount - cost + 1) * seconds / self.current
        return max(1, math.floor(wait) + 1)


TAKE = Script(f"""
local function take(KEYS, ARGV)
    {RedisBridge.SCRIPT_ACQUIRE_SLIDING_WINDOW.decode()}
end
local function look(KEYS, ARGV)
    {RedisBridge.SCRIPT_SLIDING_WINDOW.decode()}
end
local taken, window = take(KEYS, ARGV), look(KEYS, {{ARGV[2]}})
if not taken then
    local now = tonumber(redis.call('time')[1])
    redis.call('zremrangebyscore', KEYS[3], '-inf', now)
    redis.call('zadd', KEYS[3], now + ARGV[2], ARGV[4])
    redis.call('zremrangebyrank', KEYS[3], 0, -ARGV[5] - 1)
end
for place = 1, 4 do window[place] = window[place] or 0 end
return (taken and 1 or 0) .. ' ' .. table.concat(window, ' ')
""")


class SharedCounts:
    """Counts in Redis, by the two scripts of `limits`: one counts, and one looks.

    Its own storage would need a round trip for each of them. The callers at their limit are listed
    as well.
    """

    def __init__(self, redis: "Redis") -> None:
        self._scripts = Scripts(redis)
        self._index = index()

    async def take(self, count: Count) -> Window:
        """Count a request, unless it is refused."""
        current, previous = names(count.key)
        keys = (previous, current, self._index)
        values = (count.amount, count.seconds, count.cost, count.key, LISTED)
        taken, *window = map(int, (await self._scripts.run(TAKE, keys, values)).split())
        # The time of a count that does not exist is negative.
        previous_count, previous_ms, current_count, current_ms = (max(0, each) for each in window)
        return Window(
            bool(taken), previous_count, previous_ms / 1000, current_count, current_ms / 1000
        )


class OwnCounts:
    """Counts in this process, while Redis does not answer.

    The storage in memory of `limits` is not used, because it is not bounded and visits all its keys
    at each request. When this one is full, it forgets the callers that it has not seen for longest.
    """

    def __init__(self) -> None:
        self._counts: LRUCache[str, tuple[float, int, int]] = LRUCache(OWN_COUNTS)

    def take(self, count: Count) -> Window:
        """Count a request, unless it is refused."""
        key, amount, seconds, cost = count
        number, passed = divmod(time.time(), seconds)
        last, previous, current = self._counts.get(key, (number, 0, 0))
        if last != number:
            previous, current = current if last == number - 1 else 0, 0
        left = seconds - passed
        taken = math.floor(previous * left / seconds) + current + cost <= amount
        current += cost if taken else 0
        self._counts[key] = number, previous, current
        return Window(taken, previous, left, current, left + seconds)


def names(key: str) -> tuple[str, str]:
    """Return the names in Redis of the current and of the previous count."""
    current = redis_key("limits:{" + key + "}")
    return current, f"{current}/-1"


def index() -> str:
    """Return the name in Redis of the list of callers at a limit."""
    return redis_key("limits")
