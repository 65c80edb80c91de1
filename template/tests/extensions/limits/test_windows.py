"""The counts: what is left, and when a refused request is possible again."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from app.core.settings import get_settings
from app.extensions.limits import windows
from app.extensions.limits.windows import Count, OwnCounts, SharedCounts

SECONDS = 60


class Clock:
    """The module `time`, with a time that the test sets."""

    now = 0.0

    def time(self) -> float:
        return self.now


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    amount=st.integers(1, 50),
    gaps=st.lists(st.floats(0, 90), min_size=1, max_size=40),
    data=st.data(),
)
def test_a_refused_request_is_possible_after_the_time_that_the_answer_names(
    amount: int, gaps: list[float], data: st.DataObject
) -> None:
    cost = data.draw(st.integers(1, amount))
    clock, counts = Clock(), OwnCounts()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "time", clock)
        for gap in gaps:
            clock.now += gap
            window = counts.take(Count("a", amount, SECONDS, cost))
            assert 0 <= window.remaining(amount, SECONDS) <= amount
            assert 1 <= window.resets_in(SECONDS) <= SECONDS
            if not window.taken:
                wait = window.retry_after(amount, SECONDS, cost)
                assert 1 <= wait <= 2 * SECONDS
                # Two seconds earlier, it would have been refused.
                if wait > 2:
                    clock.now += wait - 2
                    assert not counts.take(Count("a", amount, SECONDS, cost)).taken
                    wait = 2
                clock.now += wait
                assert counts.take(Count("a", amount, SECONDS, cost)).taken


def test_no_window_has_more_than_twice_the_share_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, counts = Clock(), OwnCounts()
    monkeypatch.setattr(windows, "time", clock)
    taken = []
    for _ in range(6000):
        clock.now += 0.1
        if counts.take(Count("a", 100, SECONDS)).taken:
            taken.append(clock.now)
    # Ten minutes of requests without a pause.
    assert 900 <= len(taken) <= 1100


def test_what_was_put_back_can_be_taken_again() -> None:
    counts, one = OwnCounts(), Count("a", 3, SECONDS, 2)
    assert counts.take(one).taken
    assert not counts.take(one).taken
    counts.put_back(one)
    assert counts.take(one).taken
    counts.put_back(Count("unknown", 3, SECONDS))


def test_a_process_counts_a_bounded_number_of_callers() -> None:
    counts = OwnCounts()
    for number in range(windows.OWN_COUNTS + 100):
        counts.take(Count(f"address {number}", 1, SECONDS))
    assert len(counts._counts) == windows.OWN_COUNTS


async def test_redis_counts_and_keeps_a_bounded_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "LISTED", 5)
    async with Redis.from_url(get_settings().redis_address) as redis:
        shared = SharedCounts(redis)
        for number in range(8):
            key = f"a/{SECONDS}/address/{number}"
            first = await shared.take(Count(key, 2, SECONDS, 2))
            assert (first.taken, first.current, first.previous) == (True, 2, 0)
            assert first.resets_in(SECONDS) == SECONDS
            second = await shared.take(Count(key, 2, SECONDS))
            assert (second.taken, second.current) == (False, 2)
            assert second.remaining(2, SECONDS) == 0
        assert await redis.zcard(windows.index()) == 5
