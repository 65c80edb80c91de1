"""The Redis connections of a process: shared, and few."""

import asyncio

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from app.core.redis import (
    OptionalRedis,
    RedisDownError,
    Script,
    Scripts,
    async_client,
    optional_redis,
    process_pool,
    redis_key,
    store,
)
from app.core.settings import get_settings
from tests.support.logs import rendered


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


async def test_a_question_that_fails_or_takes_long_is_not_repeated_at_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(OptionalRedis, "PATIENCE", 0.05)
    monkeypatch.setattr(OptionalRedis, "PAUSE", 0.2)
    redis = OptionalRedis()
    asked = 0

    async def refuse() -> str:
        nonlocal asked
        asked += 1
        raise RedisConnectionError("refused")

    async def sleep() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(10)
        return "late"

    async def answer() -> str:
        return "answer"

    for question in (refuse, sleep):
        asked = 0
        for _ in range(5):
            with pytest.raises(RedisDownError):
                await redis.ask(question)
        assert asked == 1
        await asyncio.sleep(0.25)
    assert await redis.ask(answer) == "answer"
    assert await redis.ask(answer) == "answer"
    assert redis.failures == 10
    assert sum("redis_unavailable" in line for line in rendered(caplog)) == 1


async def test_one_question_in_a_pause_tries_a_redis_that_was_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(OptionalRedis, "PATIENCE", 0.05)
    monkeypatch.setattr(OptionalRedis, "PAUSE", 0.1)
    redis = OptionalRedis()
    asked = 0

    async def sleep() -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(10)

    with pytest.raises(RedisDownError):
        await redis.ask(sleep)
    await asyncio.sleep(0.15)
    asked = 0
    await asyncio.gather(*(redis.ask(sleep) for _ in range(9)), return_exceptions=True)
    assert asked == 1


def test_all_that_ask_in_a_process_know_of_an_outage() -> None:
    assert optional_redis() is optional_redis()


ECHO = Script("return {KEYS[1], ARGV[1]}")


async def test_scripts_that_wait_for_the_connection_are_sent_together() -> None:
    redis = async_client(get_settings())
    scripts = Scripts(redis)
    await redis.script_flush()
    assert await scripts.run(ECHO, ["a"], [1]) == [b"a", b"1"]
    packets = (await redis.info("stats"))["total_reads_processed"]
    found = await asyncio.gather(*(scripts.run(ECHO, ["a"], [each]) for each in range(200)))
    assert found == [[b"a", str(each).encode()] for each in range(200)]
    assert (await redis.info("stats"))["total_reads_processed"] - packets < 20
    await redis.aclose()


async def test_an_error_of_one_script_is_not_that_of_another() -> None:
    redis = async_client(get_settings())
    scripts = Scripts(redis)
    broken = Script("return redis.call('no-such-command')")
    found = await asyncio.gather(
        *(scripts.run(script, ["a"], [1]) for script in (ECHO, broken, ECHO)),
        return_exceptions=True,
    )
    assert [type(each) for each in found] == [list, ResponseError, list]
    await redis.aclose()


async def test_a_script_that_is_cancelled_leaves_no_reply_for_the_next() -> None:
    redis = async_client(get_settings())
    scripts = Scripts(redis)
    await scripts.run(ECHO, ["a"], [0])
    for number in range(20):
        running = [
            asyncio.create_task(scripts.run(ECHO, ["a"], [f"cancelled {number}"])),
            asyncio.create_task(scripts.run(ECHO, ["a"], [f"waits {number}"])),
        ]
        await asyncio.sleep(number * 0.0001)
        for each in running[: 1 + number % 2]:
            each.cancel()
        assert await scripts.run(ECHO, ["a"], [number]) == [b"a", str(number).encode()]
        await asyncio.gather(*running, return_exceptions=True)
    await redis.aclose()
