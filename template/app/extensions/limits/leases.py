"""Requests that a process counts in Redis in advance, so that it need not ask for each of them.

A caller who sends many requests gets a lease: some of what remains is counted at once, for this
process alone, which then admits requests without a round trip. What it does not use is given back a
second later. All that is admitted has been counted before, so processes together never admit more
than the limit. A caller may be refused while other processes hold units: at most one of SHARE that
remained, for each of them, and for a second. A caller with less than SHARE remaining gets no lease.
"""

import asyncio
import math
import time
from contextlib import suppress
from dataclasses import dataclass

from app.core.redis import OptionalRedis, RedisDownError
from app.extensions.limits.windows import Count, SharedCounts, Window

SECONDS = 1.0  # that a lease lasts
SHARE = 16


@dataclass(slots=True)
class _Lease:
    window: Window  # as Redis answered, with all units
    asked: float  # when Redis was asked, by the monotonic clock
    until: float
    units: int  # that are left
    used: int  # requests that it has admitted, with the one that asked

    def unused(self) -> Window:
        return self.window._replace(units=self.units)


class Leases:
    """Counts in Redis, with as few round trips as possible."""

    def __init__(self, shared: SharedCounts) -> None:
        self._shared = shared
        # Of the callers of the last seconds, also those without units: `run` forgets older ones.
        self._leases: dict[str, _Lease] = {}
        self._leasing: set[str] = set()  # callers for whom a lease is on its way

    def spend(self, count: Count) -> Window | None:
        """Admit a request without a round trip, or return None."""
        lease = self._leases.get(count.key)
        if lease is None or lease.units < count.cost:
            return None
        now = time.monotonic()
        if now >= lease.until:
            return None
        lease.units -= count.cost
        lease.used += count.cost
        return _at(lease, now)

    async def take(self, count: Count) -> Window:
        """Count a request in Redis, unless it is refused, and lease what the caller may need next.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        last, asked = self._leases.pop(count.key, None), time.monotonic()
        wanted = 0
        # Two at the same time would hold twice the share.
        if last and asked < last.asked + 2 * SECONDS and count.key not in self._leasing:
            wanted = 2 * last.used
        back = last.unused() if last and last.units else None
        try:
            if wanted:
                self._leasing.add(count.key)
            window = await self._shared.take(count, wanted, SHARE, back)
        finally:
            if wanted:
                self._leasing.discard(count.key)
        if not window.taken:
            return window
        # A unit is used in the window in which it counts. The answer took some time, so this ends a
        # little earlier than that.
        lasts = min(SECONDS, window.current_left - count.seconds)
        lease = _Lease(window, asked, asked + lasts, window.units, count.cost)
        # Another request of this caller may have returned in the meantime.
        other = self._leases.get(count.key)
        if other and other.window.ends == window.ends:
            lease.units += other.units
            lease.used += other.used
        self._leases[count.key] = lease
        return _at(lease, asked)

    def put_back(self, count: Count) -> bool:
        """Keep the units of a request that was admitted for the next one; tell whether it worked.

        They are given back a moment later if there is no next one.
        """
        lease = self._leases.get(count.key)
        if lease is None:
            return False
        lease.units += count.cost
        lease.used = max(0, lease.used - count.cost)
        return True

    async def run(self, redis: OptionalRedis) -> None:
        """Give back what is not needed, until this is cancelled, and everything then."""
        try:
            while True:
                await asyncio.sleep(SECONDS)
                now = time.monotonic()
                await self._give_back(redis, now)
                for key, lease in [*self._leases.items()]:
                    if now > lease.asked + 2 * SECONDS:
                        del self._leases[key]
        finally:
            await self._give_back(redis, math.inf)

    async def _give_back(self, redis: OptionalRedis, now: float) -> None:
        """Give back the units of the leases that have ended by now."""
        given = []
        for key, lease in self._leases.items():
            if lease.units and now >= lease.until:
                given.append((key, lease.unused()))
                lease.units = 0
        if given:
            with suppress(RedisDownError):  # then they count until their window ends
                await redis.ask(
                    lambda: asyncio.gather(*(self._shared.give_back(*each) for each in given))
                )


def _at(lease: _Lease, now: float) -> Window:
    """The window at this moment, without the units that are left."""
    _, previous, previous_left, current, current_left, *_ = lease.window
    passed = now - lease.asked
    return Window(
        True,
        previous,
        max(0.0, previous_left - passed),
        current - lease.units,
        current_left - passed,
    )
