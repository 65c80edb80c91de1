"""The limit on requests to the embedding provider."""

import asyncio
import time
from collections import Counter

import pytest

from app.core.redis import redis_key, store
from app.extensions.documents import rate_limit


@pytest.fixture(autouse=True)
def _short_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MINUTE", 1)
    for key in counted():
        store().delete(key)


def counted() -> list[str]:
    return list(store().scan_iter(redis_key("documents:embedding:*")))


async def windows(limit: int | None, requests: int) -> Counter[int]:
    """Return the number of requests in each window."""

    async def request() -> int:
        await rate_limit.wait_for_turn(limit, 0, 1)
        return int(time.time())

    # Start at the beginning of a window, so that concurrent requests are in the same window.
    await asyncio.sleep(1 - time.time() % 1)
    return Counter(await asyncio.gather(*(request() for _ in range(requests))))


async def test_no_window_has_more_than_the_limit() -> None:
    found = await windows(2, 5)
    assert sorted(found.values()) == [1, 2, 2]


async def test_without_a_limit_requests_are_not_counted() -> None:
    assert sorted((await windows(None, 5)).values()) == [5]
    assert counted() == []
