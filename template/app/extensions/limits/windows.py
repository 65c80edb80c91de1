"""Counts of requests in a sliding window, in Redis or in this process.

The window is approximated as the library `limits` does: the requests of the previous window count
by the share of it that is still within reach. Refused requests do not count, so a caller who keeps
trying gets in again as early as one who waits.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from typing import NamedTuple

from cachetools import LRUCache
from limits.aio.storage.redis.bridge import RedisBridge
from redis.asyncio import Redis

from app.core.redis import Script, redis_key

OWN_COUNTS = 10_000  # callers that a process counts by itself
LISTED = 1000  # callers at their limit that Redis lists
BATCH = 500  # requests that one command counts


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


class SharedCounts:
    """Counts in Redis, by the scripts of `limits`, of which one counts and one looks.

    Its own storage would need a round trip for each of the two. The process has one connection.
    While it is busy, further requests gather, and one command then counts them all. The script also
    lists who is at a limit.
    """

    SCRIPT = """
        local function take(KEYS, ARGV) {take} end
        local function look(KEYS, ARGV) {look} end
        local index, answers = KEYS[#KEYS], {{}}
        for at = 1, #KEYS - 1, 2 do
            local keys = {{KEYS[at], KEYS[at + 1]}}
            local amount, seconds, cost, key = unpack(ARGV, at * 2 - 1, at * 2 + 2)
            local taken = take(keys, {{amount, seconds, cost}})
            local window = look(keys, {{seconds}})
            for place = 1, 4 do window[place] = window[place] or 0 end
            answers[#answers + 1] = (taken and 1 or 0) .. ' ' .. table.concat(window, ' ')
            if not taken then
                local now = tonumber(redis.call('time')[1])
                redis.call('zremrangebyscore', index, '-inf', now)
                redis.call('zadd', index, now + seconds, key)
                redis.call('zremrangebyrank', index, 0, -{listed} - 1)
            end
        end
        return table.concat(answers, ' ')
    """

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._script = Script(
            self.SCRIPT.format(
                take=RedisBridge.SCRIPT_ACQUIRE_SLIDING_WINDOW.decode(),
                look=RedisBridge.SCRIPT_SLIDING_WINDOW.decode(),
                listed=LISTED,
            )
        )
        self._is_busy = False
        self._waiting: list[tuple[Count, asyncio.Future[Window]]] = []
        self._next: asyncio.Task[None] | None = None

    async def take(self, count: Count) -> Window:
        """Count a request, unless it is refused."""
        if self._is_busy:
            future: asyncio.Future[Window] = asyncio.get_running_loop().create_future()
            self._waiting.append((count, future))
            return await future
        (window,) = await self._send([count])
        return window

    async def _send(self, counts: Sequence[Count]) -> list[Window]:
        self._is_busy = True
        keys = [name for count in counts for name in reversed(names(count.key))]
        values = [value for c in counts for value in (c.amount, c.seconds, c.cost, c.key)]
        try:
            answer = await self._script.run(self._redis, [*keys, index()], values)
        finally:
            self._is_busy = False
            if self._waiting:
                self._next = asyncio.create_task(self._send_waiting())
        numbers = [*map(int, answer.split())]
        return [_window(*numbers[at : at + 5]) for at in range(0, len(numbers), 5)]

    async def _send_waiting(self) -> None:
        waiting = [each for each in self._waiting if not each[1].done()][:BATCH]
        self._waiting = [each for each in self._waiting if not each[1].done()][BATCH:]
        try:
            windows = await self._send([count for count, _ in waiting])
        except Exception as error:  # noqa: BLE001 - each request that waits gets it
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), window in zip(waiting, windows, strict=True):
                if not future.done():
                    future.set_result(window)


def _window(taken: int, previous: int, previous_ms: int, current: int, current_ms: int) -> Window:
    # A count that does not exist has a negative time.
    return Window(
        bool(taken), previous, max(0, previous_ms) / 1000, current, max(0, current_ms) / 1000
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
    current = redis_key(f"limits:{{{key}}}")
    return current, f"{current}/-1"


def index() -> str:
    """Return the name in Redis of the list of callers at a limit."""
    return redis_key("limits")
