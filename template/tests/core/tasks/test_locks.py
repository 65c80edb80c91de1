"""`single_run`, on a real Redis."""

import asyncio
import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest

import app.worker  # noqa: F401 - configures Celery
from app.core import context
from app.core.redis import store
from app.core.tasks import SkipRunError
from app.core.tasks.locks import single_run
from tests.support.logs import rendered


@pytest.fixture
def name() -> Iterator[str]:
    yield (name := uuid4().hex)
    store().delete(f"app:lock:{name}")


def held(name: str) -> bool:
    return bool(store().exists(f"app:lock:{name}"))


def test_a_second_run_at_once_is_skipped_and_logged(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    started, end, runs = threading.Event(), threading.Event(), []

    @single_run(name)
    def work(number: int) -> int:
        runs.append(number)
        started.set()
        assert end.wait(20)
        return number

    first = threading.Thread(target=work, args=[1])
    first.start()
    try:
        assert started.wait(20)
        with pytest.raises(SkipRunError):
            work(2)
        assert [line for line in rendered(caplog) if "run_skipped" in line and name in line]
    finally:
        end.set()
        first.join()
    assert runs == [1]
    assert work(3) == 3


async def test_an_async_run_is_waited_for(name: str) -> None:
    started, end = asyncio.Event(), asyncio.Event()

    @single_run(name)
    async def work() -> bool:
        started.set()
        await end.wait()
        return True

    first = asyncio.create_task(work())
    await started.wait()
    with pytest.raises(SkipRunError):
        await work()
    end.set()
    assert await first
    assert not held(name)


def test_an_error_releases_the_lock(name: str) -> None:
    @single_run(name)
    def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert not held(name)


def test_a_run_that_is_delivered_again_gets_its_lock(name: str) -> None:
    """Its worker was killed, so the lock was not released."""
    token = context.task_id.set("the-run")
    store().set(f"app:lock:{name}", "the-run", px=60_000)
    assert single_run(name)(lambda: True)()
    context.task_id.reset(token)
    assert not held(name)


def test_the_lock_of_another_run_is_not_released(name: str) -> None:
    """A run that outlived its timeout ends after the next one has begun."""

    @single_run(name)
    def late() -> bool:
        store().set(f"app:lock:{name}", "the next")
        return True

    assert late()
    assert held(name)


def test_a_lock_expires(name: str) -> None:
    client = store()
    lifetimes = []

    def work() -> None:
        lifetimes.append(client.pttl(f"app:lock:{name}"))

    single_run(name)(work)()
    single_run(name, timeout=5)(work)()
    assert 595_000 < lifetimes[0] <= 600_000
    assert 0 < lifetimes[1] <= 5_000
