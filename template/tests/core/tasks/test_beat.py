"""Celery's own scheduler: it starts tasks in time, and none twice."""

import json
import os
import shelve
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from celery.beat import ScheduleEntry
from celery.schedules import BaseSchedule, crontab, schedule

from tests.support.clock import Clock
from tests.support.processes import PROJECT, SECONDS, Process, eventually, running


def beat(
    file: Path, seconds: dict[str, float], stop: signal.Signals = signal.SIGTERM
) -> AbstractContextManager[Process]:
    """Run a beat on a file; see `probe_beat`."""
    return running(
        *("celery", "-A", "tests.core.tasks.probe_beat", "beat", "--pidfile=", "--loglevel=INFO"),
        "--scheduler=app.core.tasks.beat:FileScheduler",
        f"--schedule={file}",
        stop=stop,
        PROBE=json.dumps({"core.tick": 0.1} | seconds),
    )


async def until_it_ticks(beat: Process) -> None:
    """Wait until a beat has started the tasks that are due."""

    async def ticked() -> bool:
        return beat.said().count("core.tick") > 1

    await eventually(ticked, beat)


@pytest.fixture
def hourly() -> Iterator[str]:
    """The name of a schedule. Its queue is deleted afterwards."""
    yield (name := f"core.{uuid4().hex}")
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.delete(f"app:{name}", "app:core.tick")


def count(name: str) -> int:
    """Count the starts of a schedule."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        return int(client.llen(f"app:{name}"))


def miss_three_hours(file: Path, name: str) -> None:
    """Change the file of a beat as if the beat had ended three hours ago."""
    with shelve.open(str(file), writeback=True) as stored:
        stored["entries"][name].last_run_at -= timedelta(hours=3)


@pytest.mark.slow
async def test_a_second_beat_on_the_same_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "schedule"
    with beat(file, {}) as first:
        await until_it_ticks(first)
        command = ("-m", "celery", "-A", "tests.core.tasks.probe_beat", "beat", "--pidfile=")
        second = subprocess.run(
            [
                sys.executable,
                *command,
                "-S",
                "app.core.tasks.beat:FileScheduler",
                "--schedule",
                file,
            ],
            cwd=PROJECT,
            env={**os.environ, "PROBE": "{}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert second.returncode == 1
        assert str(file) in second.stderr
        assert "Traceback" not in second.stderr
        ticks = first.said().count("core.tick")

        async def goes_on() -> bool:
            return first.said().count("core.tick") > ticks

        await eventually(goes_on, first)


BERLIN = "Europe/Berlin"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("zone", "when", "start", "days", "step", "expected"),
    [
        # Summer time ends at 3:00 on 25 October 2026: 2:30 comes twice, the task once.
        (
            BERLIN,
            crontab(hour="2", minute="30"),
            datetime(2026, 10, 24, 12, tzinfo=UTC),
            2,
            MINUTE,
            ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
        ),
        # It begins at 2:00 on 28 March 2027: there is no 2:30, the task comes at 3:30.
        (
            BERLIN,
            crontab(hour="2", minute="30"),
            datetime(2027, 3, 27, 12, tzinfo=UTC),
            2,
            MINUTE,
            ["2027-03-28T03:30+02:00", "2027-03-29T02:30+02:00"],
        ),
        (
            BERLIN,
            crontab(hour="6", minute="0"),
            datetime(2026, 10, 24, 3, tzinfo=UTC),
            2,
            MINUTE,
            ["2026-10-24T06:00+02:00", "2026-10-25T06:00+01:00"],
        ),
        # An interval is real time: three runs in each hour, also when the clock changes.
        (
            BERLIN,
            schedule(1200),
            datetime(2026, 10, 25, 0, 0, tzinfo=UTC),
            1 / 12,
            MINUTE,
            [
                "2026-10-25T02:20+02:00",
                "2026-10-25T02:40+02:00",
                "2026-10-25T02:00+01:00",
                "2026-10-25T02:20+01:00",
                "2026-10-25T02:40+01:00",
            ],
        ),
        (
            "UTC",
            crontab(day_of_month="31", hour="0", minute="0"),
            datetime(2027, 1, 2, tzinfo=UTC),
            150,
            HOUR,
            ["2027-01-31T00:00+00:00", "2027-03-31T00:00+00:00", "2027-05-31T00:00+00:00"],
        ),
        (
            "UTC",
            crontab(day_of_month="1", hour="0", minute="0"),
            datetime(2027, 1, 2, tzinfo=UTC),
            60,
            HOUR,
            ["2027-02-01T00:00+00:00", "2027-03-01T00:00+00:00"],
        ),
        (
            "UTC",
            crontab(month_of_year="2", day_of_month="29", hour="0", minute="0"),
            datetime(2027, 2, 1, tzinfo=UTC),
            500,
            HOUR,
            ["2028-02-29T00:00+00:00"],
        ),
    ],
)
def test_crontabs_follow_local_time_and_intervals_do_not(
    zone: str,
    when: BaseSchedule,
    start: datetime,
    days: float,
    step: timedelta,
    expected: list[str],
) -> None:
    clock = Clock(start, timezone=zone)
    when.app = clock.app
    entry = ScheduleEntry(name="core.a", task="core.heartbeat", schedule=when, app=clock.app)
    starts = clock.starts(
        entry, start + timedelta(days=days), step, lambda entry: entry.is_due().is_due
    )
    assert starts == expected


@pytest.mark.slow
async def test_missed_runs_are_started_once(tmp_path: Path, hourly: str) -> None:
    """Beat was down for three runs. A kill does not make it start them again."""
    file = tmp_path / "schedule"
    with beat(file, {hourly: 3600}) as first:
        await until_it_ticks(first)
    assert count(hourly) == 0

    miss_three_hours(file, hourly)
    with beat(file, {hourly: 3600}, stop=signal.SIGKILL) as second:
        await until_it_ticks(second)
    assert count(hourly) == 1

    with beat(file, {hourly: 3600}) as third:
        await until_it_ticks(third)
    assert count(hourly) == 1
