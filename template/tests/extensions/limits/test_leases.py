"""Leases: fewer round trips, and yet never more requests than the limit."""

import asyncio
import math
import re
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from redis.asyncio import Redis

from app.core.redis import OptionalRedis
from app.core.settings import get_settings
from app.extensions.limits import leases, service
from app.extensions.limits.leases import SHARE, Leases
from app.extensions.limits.windows import Count, SharedCounts, Window, names
from tests.extensions.limits.conftest import client_of, limited_api, statuses

KEY = "probe/60/address/203.0.113.1"
PATH = "/probe/inner/default"
AMOUNT = 320


class Counted(SharedCounts):
    """Counts its round trips."""

    trips = 0

    async def take(
        self, count: Count, units: int = 0, share: int = 1, back: Window | None = None
    ) -> Window:
        self.trips += 1
        return await super().take(count, units, share, back)


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with Redis.from_url(get_settings().redis_address) as redis:
        yield redis


async def send(process: Leases, count: Count) -> Window:
    """Count a request as the limiter does."""
    return process.spend(count) or await process.take(count)


async def counted(redis: Redis, name: str) -> int:
    """What Redis has counted."""
    return int(await redis.get(name) or 0)


async def test_what_was_put_back_is_used_next_or_given_back(redis: Redis) -> None:
    shared = Counted(redis)
    process, count = Leases(shared), Count(KEY, 2, 60)
    assert not process.put_back(count)
    assert (await send(process, count)).taken
    assert process.put_back(count)
    for _ in range(2):
        assert (await send(process, count)).taken
    assert shared.trips == 2
    assert not (await send(process, count)).taken
    again = Count(f"{KEY}9", 2, 60)
    await send(process, again)
    process.put_back(again)
    await process._give_back(OptionalRedis(), math.inf)
    assert await counted(redis, names(again.key)[0]) == 0


async def test_a_busy_caller_needs_few_round_trips_and_is_counted_exactly_at_the_end(
    redis: Redis,
) -> None:
    shared = Counted(redis)
    process, count = Leases(shared), Count(KEY, AMOUNT, 60)
    for number in range(AMOUNT):
        window = await send(process, count)
        assert window.taken
        assert window.remaining(AMOUNT, 60) == AMOUNT - number - 1
    assert not (await send(process, count)).taken
    assert await counted(redis, names(KEY)[0]) == AMOUNT
    # Each of the last SHARE requests, and a sixteenth of the others.
    assert shared.trips < 100


async def test_processes_together_never_admit_more_than_the_limit(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SECONDS", 0.1)
    processes = [Leases(SharedCounts(redis)) for _ in range(3)]
    optional = OptionalRedis()
    running = [asyncio.create_task(each.run(optional)) for each in processes]
    count = Count(KEY, AMOUNT, 60)

    async def hammer(process: Leases) -> int:
        admitted = 0
        for _ in range(AMOUNT):
            admitted += (await send(process, count)).taken
            await asyncio.sleep(0)
        return admitted

    admitted = sum(await asyncio.gather(*(hammer(each) for each in processes for _ in range(2))))
    assert admitted <= AMOUNT
    # What nobody used was given back.
    await asyncio.sleep(0.3)
    while (await send(processes[0], count)).taken:
        admitted += 1
    assert admitted == AMOUNT
    for task in running:
        task.cancel()
    await asyncio.wait(running)


async def test_a_process_that_ends_gives_back_what_it_has_not_used(redis: Redis) -> None:
    process, count = Leases(SharedCounts(redis)), Count(KEY, AMOUNT, 60)
    running = asyncio.create_task(process.run(OptionalRedis()))
    for _ in range(5):
        await send(process, count)
    held = await counted(redis, names(KEY)[0])
    assert 5 < held <= 5 + AMOUNT // SHARE
    running.cancel()
    await asyncio.wait([running])
    assert await counted(redis, names(KEY)[0]) == 5


async def test_units_are_given_back_to_their_own_window_only(redis: Redis) -> None:
    shared, count = SharedCounts(redis), Count("probe/1/address/a", AMOUNT, 1)
    first = await shared.take(count, 10, SHARE)
    assert (first.current, first.units) == (11, 10)
    while (window := await shared.take(count)).previous == 0:
        await asyncio.sleep(0.05)
    current, previous = names(count.key)
    before = await counted(redis, previous), await counted(redis, current)
    assert window.ends != first.ends
    await shared.give_back(count.key, first)
    assert (await counted(redis, previous), await counted(redis, current)) == (
        before[0] - 10,
        before[1],
    )
    # After a lift, the caller has a new window.
    second = await shared.take(count, 10, SHARE)
    await asyncio.sleep(0.2)
    await redis.delete(current, previous)
    await shared.take(count)
    await shared.give_back(count.key, second)
    assert await counted(redis, current) == 1


async def test_a_lease_ends_with_its_window(redis: Redis) -> None:
    process, count = Leases(SharedCounts(redis)), Count("probe/1/address/b", AMOUNT, 1)
    first = await process.take(count)
    await asyncio.sleep(0.6)
    await process.take(count)  # 0.4 seconds before the window becomes the previous one
    assert process.spend(count)
    await asyncio.sleep(first.current_left - 1.6 + 0.01)
    assert process.spend(count) is None


@pytest.fixture(scope="module")
async def pair() -> AsyncIterator[tuple[FastAPI, FastAPI]]:
    """Two APIs with the same Redis, as two processes have."""
    options = {"LIMITS_DEFAULT": f"{AMOUNT}/minute", "LIMITS_TIERS": "anonymous=1"}
    async with limited_api(**options) as one, limited_api(**options) as other:
        for app in (one, other):
            app.state.limiter.redis = OptionalRedis()
            # On a loaded machine, each API would count alone after the usual time.
            app.state.limiter.redis.PATIENCE = app.state.redis.connection_pool.timeout = 10
        yield one, other


async def test_two_apis_share_a_limit_that_is_lifted_with_what_they_hold(
    pair: tuple[FastAPI, FastAPI],
) -> None:
    async with client_of(pair[0]) as one, client_of(pair[1]) as other:
        found = await asyncio.gather(
            *(statuses(client, PATH, AMOUNT) for client in (one, other, one, other))
        )
        admitted = sum(each.count(200) for each in found)
        # Each held at most one of SHARE when the other one was refused.
        assert AMOUNT - AMOUNT // SHARE <= admitted <= AMOUNT
        await asyncio.sleep(2.2)  # seconds in which leases end and are given back
        while (answer := await one.get(PATH)).status_code == 200:
            admitted += 1
            assert re.match(r'"default";r=\d+;t=\d+', answer.headers["ratelimit"])
        assert admitted == AMOUNT
        assert service.reset("203.0.113.7") == 1
        assert await statuses(one, PATH, 40) == [200] * 40
        assert await statuses(other, PATH, 40) == [200] * 40
        await asyncio.sleep(1.1)  # what a header says is at most a second old
        left = (await one.get(PATH)).headers["ratelimit"]
        assert AMOUNT - 81 - AMOUNT // SHARE <= int(re.search(r"r=(\d+)", left)[1]) <= AMOUNT - 81  # type: ignore[index]


class Slow(SharedCounts):
    """Answers questions for a lease later than others."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis)
        self.wanted: list[int] = []
        self.go_on = asyncio.Event()

    async def take(
        self, count: Count, units: int = 0, share: int = 1, back: Window | None = None
    ) -> Window:
        self.wanted.append(units)
        window = await super().take(count, units, share, back)
        if units:
            await self.go_on.wait()
        return window


async def test_one_caller_has_one_lease_however_many_requests_come_at_once(redis: Redis) -> None:
    shared = Slow(redis)
    process, count = Leases(shared), Count(KEY, AMOUNT, 60)
    await process.take(count)
    leasing = asyncio.create_task(process.take(count))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):  # one that asks for a lease as well would wait
        for _ in range(3):
            await process.take(count)
    shared.go_on.set()
    await leasing
    assert shared.wanted == [0, 2, 0, 0, 0]
    for _ in range(2):
        assert process.spend(count)
    assert process.spend(count) is None
    assert await counted(redis, names(KEY)[0]) == 7
