"""Cached functions: keys, types, locks, sizes and lifetimes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from math import inf
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, Field, SecretStr, computed_field

from app.core import context
from app.core.errors import ConflictError
from app.core.redis import redis_key, store
from app.core.settings import load_settings
from app.extensions.cache.service import Cached, cached
from tests.extensions.cache.probe import COMPUTED, slow
from tests.support.logs import rendered
from tests.support.processes import eventually, running

pytestmark = pytest.mark.usefixtures("app")

# Each test has its own function, and its calls are counted.
Count = list[int]


class Price(BaseModel):
    """A result."""

    id: UUID
    cents: int | None
    since: datetime


def counting(**options: object) -> tuple[Callable[..., Awaitable[int]], Count]:
    """Return a cached function that returns the number of its runs, and that number."""
    count: Count = [0]

    @cached(**{"expires": 60, **options})  # type: ignore[arg-type]
    async def number(key: str = "", user_id: UUID | None = None) -> int:
        count[0] += 1
        return count[0]

    return number, count


async def test_a_result_has_its_type() -> None:
    made = Price(id=uuid4(), cents=None, since=datetime(2026, 1, 2, tzinfo=UTC))

    @cached(expires=60)
    async def prices(country: str, limit: int = 3) -> dict[str, list[Price]]:
        return {country: [made] * limit}

    first, again = await prices("de"), await prices("de", limit=3)
    assert first == again == {"de": [made] * 3}
    assert len((await prices("de", 1))["de"]) == 1


async def test_the_key_has_the_arguments_the_caller_and_the_version() -> None:
    number, count = counting()
    assert await number("a") == await number(key="a") == 1
    assert await number("b") == 2
    assert await number("b", uuid4()) == 3
    token = context.user_id.set("ada")
    assert await number("a") == await number("a") == 4
    context.user_id.reset(token)
    assert await number("a") == 1
    newer, _ = counting(version="2")
    assert await newer("a") == 1
    assert count == [4]

    public, count = counting(public=True, version="public")
    await public("a")
    token = context.user_id.set("ada")
    await public("a")
    context.user_id.reset(token)
    assert count == [1]


async def test_another_release_has_other_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    number, count = counting()
    await number()
    monkeypatch.setenv("APP_VERSION", "2")
    load_settings.cache_clear()
    await number()
    assert count == [2]


async def test_an_error_is_not_cached_and_keeps_nobody_waiting() -> None:
    runs = 0

    @cached(expires=60)
    async def fails() -> int:
        nonlocal runs
        runs += 1
        raise ConflictError("no")

    started = time.monotonic()
    for _ in range(2):
        with pytest.raises(ConflictError):
            await fails()
    assert runs == 2
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(("negative", "expected"), [(0, 2), (60, 1)])
async def test_none_is_cached_if_that_is_asked_for(negative: float, expected: int) -> None:
    runs = 0

    @cached(expires=60, negative=negative)
    async def nothing() -> int | None:
        nonlocal runs
        runs += 1
        return None

    assert [await nothing(), await nothing()] == [None, None]
    assert runs == expected


async def test_that_there_is_nothing_is_not_renewed_early() -> None:
    runs = 0

    @cached(expires=300, negative=20)
    async def nothing() -> int | None:
        nonlocal runs
        runs += 1
        return None

    assert [await nothing() for _ in range(3)] == [None] * 3
    assert runs == 1


async def test_a_large_result_is_not_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_MAX_BYTES", "100")
    load_settings.cache_clear()
    runs = 0

    @cached(expires=60)
    async def text(length: int) -> str:
        nonlocal runs
        runs += 1
        return "x" * length

    for _ in range(2):
        assert len(await text(50)) == 50
        assert len(await text(200)) == 200
    assert runs == 3


async def test_an_entry_expires() -> None:
    number, count = counting(expires=0.2)
    await number()
    await asyncio.sleep(0.25)
    await number()
    assert count == [2]


async def test_two_processes_compute_a_result_once_for_fifty_calls(app: FastAPI) -> None:
    key = uuid4().hex
    store().delete(redis_key(COMPUTED))
    with running("tests.extensions.cache.computing", key) as other:

        async def ready() -> bool:
            return "ready" in other.said()

        await eventually(ready, seconds=60)
        found = await asyncio.gather(*(slow(key) for _ in range(25)))

        async def printed() -> bool:
            return "[" in other.said()

        await eventually(printed, seconds=60)
        assert str([1] * 25) in other.said()
    assert found == [1] * 25
    assert store().get(redis_key(COMPUTED)) == "1"


async def test_the_others_wait_no_longer_than_the_lock_lasts() -> None:
    started: list[float] = []

    @cached(expires=60, lock_seconds=0.3)
    async def stuck() -> int:
        started.append(time.monotonic())
        if len(started) == 1:
            await asyncio.sleep(30)
        return len(started)

    first = asyncio.ensure_future(stuck())
    while not started:
        await asyncio.sleep(0.01)
    assert await stuck() == 2
    assert started[1] - started[0] < 5
    first.cancel()
    # The one that was cancelled has not removed the entry of the other.
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await stuck() == 2


async def test_one_caller_renews_an_entry_before_it_expires(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Cached, "REFRESH", 0.01)
    runs = 0

    @cached(expires=30)
    async def number() -> int:
        nonlocal runs
        runs += 1
        mine = runs
        if mine > 1:
            await asyncio.sleep(0.3)
        return mine

    assert await number() == 1
    monkeypatch.setattr(Cached, "REFRESH", -10)  # from now on, every entry is to be renewed
    found = await asyncio.gather(*(number() for _ in range(20)))
    assert sorted(found) == [1] * 19 + [2]
    monkeypatch.setattr(Cached, "REFRESH", 1)
    assert await number() == 2


class Base(BaseModel):
    """A result that JSON cannot keep if it is a subclass."""

    number: float | None = None


class Derived(Base):
    """It has one more field."""

    more: int = 1


@pytest.mark.parametrize(
    ("annotation", "result"),
    [
        (float, inf),
        (float | None, inf),
        (bytes, b"\xff"),
        (Base, Base(number=inf)),
        (Base, Derived(more=2)),
        (int, "not a number"),
    ],
)
async def test_a_result_that_json_would_change_is_returned_and_not_cached(
    annotation: Any, result: Any, caplog: pytest.LogCaptureFixture
) -> None:
    runs = 0

    async def function() -> Any:
        nonlocal runs
        runs += 1
        return result

    function.__annotations__["return"] = annotation
    call = cached(expires=60)(function)
    for _ in range(2):
        found = await call()
        assert (type(found), found) == (type(result), result)
    assert runs == 2
    assert sum("cache_skipped" in line for line in rendered(caplog)) == 1


class Renamed(BaseModel):
    """A result with other names in JSON."""

    cents: int = Field(serialization_alias="amount", validation_alias="price")

    @computed_field
    def euros(self) -> float:
        """Not read again."""
        return self.cents / 100


async def test_a_result_with_other_names_in_json_is_cached() -> None:
    runs = 0

    @cached(expires=60)
    async def price() -> Renamed:
        nonlocal runs
        runs += 1
        return Renamed(price=5)

    assert await price() == await price() == Renamed(price=5)
    assert runs == 1


class Signed(BaseModel):
    """A result with a secret."""

    key: SecretStr


class Partial(BaseModel):
    """A result that lacks a field."""

    hidden: int = Field(default=1, exclude=True)


@pytest.mark.parametrize(
    "annotation", [SecretStr, list[Signed], dict[str, Partial | None], Iterable[int]]
)
def test_a_result_that_json_hides_is_an_error(annotation: Any) -> None:
    async def function() -> None: ...

    function.__annotations__["return"] = annotation
    with pytest.raises(TypeError, match="secrets"):
        cached(expires=60)(function)


async def test_parameters_of_every_kind() -> None:
    @cached(expires=60)
    async def together(first: int, /, *others: int, last: int = 0, **named: int) -> list[int]:
        return [first, *others, last, *named.values()]

    for _ in range(2):
        assert await together(1, 2, 3, last=4, x=5) == [1, 2, 3, 4, 5]
        assert await together(1) == [1, 0]
