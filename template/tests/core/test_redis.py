"""The connections of a process: shared, and few."""

from typing import Any

import pytest

from app.core.redis import process_pool, redis_key, store


def test_of_those_that_nobody_uses_one_is_kept() -> None:
    pool = process_pool()
    used = [pool.get_connection() for _ in range(3)]
    assert all(each.is_connected for each in used)
    for each in used:
        pool.release(each)
    assert [each.is_connected for each in used] == [False, False, True]


def test_whoever_waits_on_a_connection_hears_that_it_is_closed() -> None:
    pool, heard = process_pool(), []
    connection: Any = pool.get_connection()
    connection.when_closed = lambda: heard.append("closed")
    connection.disconnect()
    connection.disconnect()
    pool.release(connection)
    assert heard == ["closed"]


@pytest.mark.parametrize("value", ["1", "ö"])
def test_values_are_text(value: str) -> None:
    store().set(redis_key("test"), value)
    assert store().get(redis_key("test")) == value
    store().delete(redis_key("test"))
