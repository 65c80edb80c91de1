"""The Redis connections of a process: shared, and few."""

import pytest

from app.core.redis import process_pool, redis_key, store


def test_only_the_last_idle_connection_is_kept() -> None:
    pool = process_pool()
    used = [pool.get_connection() for _ in range(3)]
    assert all(each.is_connected for each in used)
    for each in used:
        pool.release(each)
    assert [each.is_connected for each in used] == [False, False, True]


@pytest.mark.parametrize("value", ["1", "ö"])
def test_values_are_text(value: str) -> None:
    store().set(redis_key("test"), value)
    assert store().get(redis_key("test")) == value
    store().delete(redis_key("test"))
