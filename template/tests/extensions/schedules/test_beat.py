"""Real beats on a real Redis: restarted, two at once, killed, and with an emptied Redis."""

import json
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from uuid import uuid4

import pytest
import redis

from app.core.settings import get_settings
from tests.support.processes import Process, eventually, running

pytestmark = pytest.mark.slow

TICK = {"core.tick": 0.1}


class Stage:
    """A part of Redis, and beats on it."""

    def __init__(self, client: "redis.Redis") -> None:
        self.client = client
        self.prefix = f"test:{uuid4().hex}:"

    def beat(
        self, schedules: dict[str, float], stop: signal.Signals = signal.SIGTERM
    ) -> AbstractContextManager[Process]:
        """Run a beat; see `tests.core.tasks.probe_beat`."""
        return running(
            *("celery", "-A", "tests.extensions.schedules.probe_beat", "beat", "--loglevel=INFO"),
            "--pidfile=",
            stop=stop,
            PROBE=json.dumps(schedules),
            PROBE_PREFIX=self.prefix,
        )

    def stored(self) -> set[str]:
        """Return the names of the schedules in Redis."""
        keys: Any = self.client.zrange(f"{self.prefix}:schedule", 0, -1)
        return {key.decode().removeprefix(self.prefix) for key in keys}

    def holder(self) -> str:
        """Return the value of the lock, or an empty string if no beat holds it."""
        return str(self.client.get(f"{self.prefix}:lock") or "")


@pytest.fixture
def stage() -> Iterator[Stage]:
    with redis.Redis.from_url(get_settings().redis_url) as client:
        stage = Stage(client)
        yield stage
        for key in (*client.scan_iter(f"{stage.prefix}*"), *client.scan_iter("app:core.tick*")):
            client.delete(key)


def ticks(beat: Process) -> int:
    """Count the tasks that a beat has started."""
    return beat.said().count("Sending due task")


async def until_it_ticks(beat: Process, *others: Process) -> None:
    """Wait until it starts a further task."""
    before = ticks(beat)

    async def more() -> bool:
        return ticks(beat) > before

    await eventually(more, beat, *others)


async def until_it_starts(beat: Process) -> None:
    """Wait until it logs its start. It then waits for the lock."""

    async def starts() -> bool:
        return "beat: Starting" in beat.said()

    await eventually(starts, beat)


async def test_a_restart_removes_schedules_that_the_code_has_no_more(stage: Stage) -> None:
    with stage.beat(TICK | {"core.old": 60}) as first:
        await until_it_ticks(first)
    assert stage.stored() == {"core.tick", "core.old"}
    with stage.beat(TICK | {"core.new": 60}) as second:
        await until_it_ticks(second)
    assert stage.stored() == {"core.tick", "core.new"}
    # A normal stop releases the lock.
    assert not stage.holder()


async def test_a_standby_beat_takes_over_from_a_killed_one(stage: Stage) -> None:
    killed = ExitStack()
    with killed:
        first = killed.enter_context(stage.beat(TICK, stop=signal.SIGKILL))
        await until_it_ticks(first)
        holder = stage.holder()
        with stage.beat(TICK) as second:
            await until_it_starts(second)
            for _ in range(10):
                await until_it_ticks(first, second)
            assert (stage.holder(), ticks(second)) == (holder, 0)
            killed.close()
            await until_it_ticks(second)


async def test_a_beat_that_was_frozen_becomes_the_standby(stage: Stage) -> None:
    ended = ExitStack()
    with stage.beat(TICK) as frozen:
        await until_it_ticks(frozen)
        other = ended.enter_context(stage.beat(TICK))
        with ended:
            await until_it_starts(other)
            frozen.process.send_signal(signal.SIGSTOP)
            await until_it_ticks(other)
            before = ticks(frozen)
            frozen.process.send_signal(signal.SIGCONT)

            async def noticed() -> bool:
                return "beat_lost_its_lock" in frozen.said()

            await eventually(noticed, frozen, other)
            for _ in range(10):
                await until_it_ticks(other, frozen)
            assert ticks(frozen) == before
        await until_it_ticks(frozen)


async def test_a_beat_whose_redis_is_emptied_goes_on(stage: Stage) -> None:
    with stage.beat(TICK) as beat:
        await until_it_ticks(beat)
        for key in stage.client.scan_iter(f"{stage.prefix}*"):
            stage.client.delete(key)

        async def regained() -> bool:
            return "beat_lost_its_lock" in beat.said() and bool(stage.holder())

        await eventually(regained, beat)
        await until_it_ticks(beat)
        assert stage.stored() == {"core.tick"}


async def test_a_beat_holds_few_connections(stage: Stage) -> None:
    database = str(stage.client.get_connection_kwargs()["db"])

    def connections() -> set[str]:
        # Other processes of a run of tests have databases of their own.
        return {each["id"] for each in stage.client.client_list() if each["db"] == database}

    before = connections()
    seen = []

    # It may have one more for a moment, while it sends.
    async def one_is_left() -> bool:
        seen.append(len(connections() - before))
        return seen[-1] == 1

    with stage.beat(TICK) as beat:
        await until_it_ticks(beat)
        await until_it_ticks(beat)
        await eventually(one_is_left, beat)
    assert max(seen) <= 2
