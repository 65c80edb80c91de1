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
    units: int = 0  # requests that were counted in advance, see `leases`
    ends: int = 0  # the moment in Redis, in ms, until which the current window counts: its name

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


# Subtracts units that were counted in advance. Their window may be the previous one, or gone.
_GIVE_BACK = """
local function give_back(keys, units, ends)
    local time = redis.call('time')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    for place = 1, 2 do
        if math.abs(now + redis.call('pttl', keys[place]) - ends) < 100 then
            local count = tonumber(redis.call('get', keys[place])) or 0
            redis.call('decrby', keys[place], math.min(units, count))
        end
    end
    return now
end
"""

# KEYS: previous, current   ARGV: units, end of their window
GIVE_BACK = Script(f"{_GIVE_BACK} give_back(KEYS, tonumber(ARGV[1]), tonumber(ARGV[2]))")

# KEYS: previous, current, list of refused callers
# ARGV: amount, seconds, cost, key, length of that list, units to count in advance, requests that
# must remain for each of them, units to give back, end of their window
TAKE = Script(f"""
{_GIVE_BACK}
local function take(KEYS, ARGV)
    {RedisBridge.SCRIPT_ACQUIRE_SLIDING_WINDOW.decode()}
end
local function look(KEYS, ARGV)
    {RedisBridge.SCRIPT_SLIDING_WINDOW.decode()}
end
local now = give_back(KEYS, tonumber(ARGV[8]), tonumber(ARGV[9]))
local taken, window = take(KEYS, ARGV), look(KEYS, {{ARGV[2]}})
for place = 1, 4 do window[place] = math.max(0, tonumber(window[place] or 0)) end
local units = 0
if taken then
    local used = math.floor(window[1] * window[2] / (ARGV[2] * 1000)) + window[3]
    units = math.max(0, math.min(tonumber(ARGV[6]), math.floor((ARGV[1] - used) / ARGV[7])))
    if units > 0 then window[3] = redis.call('incrby', KEYS[2], units) end
else
    local seconds = math.floor(now / 1000)
    redis.call('zremrangebyscore', KEYS[3], '-inf', seconds)
    redis.call('zadd', KEYS[3], seconds + ARGV[2], ARGV[4])
    redis.call('zremrangebyrank', KEYS[3], 0, -ARGV[5] - 1)
end
return string.format('%d %d %d %d %d %d %d',
    taken and 1 or 0, window[1], window[2], window[3], window[4], units, now + window[4])
""")


class SharedCounts:
    """Counts in Redis, by the two scripts of `limits`: one counts, and one looks.

    Its own storage would need a round trip for each of them. The callers at their limit are listed
    as well.
    """

    def __init__(self, redis: "Redis") -> None:
        self._scripts = Scripts(redis)
        self._index = index()

    async def take(
        self, count: Count, units: int = 0, share: int = 1, back: Window | None = None
    ) -> Window:
        """Count a request, unless it is refused.

        Args:
            count: what is counted.
            units: how many further requests to count in advance, if so many remain.
            share: at most one of so many remaining requests is counted in advance.
            back: a window of the same key, whose `units` are not needed and no longer count.
        """
        current, previous = names(count.key)
        given = (back.units, back.ends) if back else (0, 0)
        reply = await self._scripts.run(
            TAKE,
            (previous, current, self._index),
            (count.amount, count.seconds, count.cost, count.key, LISTED, units, share, *given),
        )
        taken, before, before_ms, now, now_ms, units, ends = map(int, reply.split())
        return Window(bool(taken), before, before_ms / 1000, now, now_ms / 1000, units, ends)

    async def give_back(self, key: str, window: Window) -> None:
        """Count the `units` of a window no longer."""
        current, previous = names(key)
        await self._scripts.run(GIVE_BACK, (previous, current), (window.units, window.ends))


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

    def put_back(self, count: Count) -> None:
        """Count a request no longer that was admitted a moment ago."""
        if known := self._counts.get(count.key):
            number, previous, current = known
            self._counts[count.key] = number, previous, max(0, current - count.cost)


def names(key: str) -> tuple[str, str]:
    """Return the names in Redis of the current and of the previous count."""
    current = redis_key("limits:{" + key + "}")
    return current, f"{current}/-1"


def index() -> str:
    """Return the name in Redis of the list of callers at a limit."""
    return redis_key("limits")
