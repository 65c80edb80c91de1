"""Beat and a worker tell Sentry about schedules."""

import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery.schedules import BaseSchedule, crontab, schedule

from app.extensions.sentry.check_ins import monitor
from tests.extensions.sentry.conftest import worker
from tests.extensions.sentry.sink import Sink
from tests.support.processes import eventually, running


async def test_a_schedule_starts_in_beat_and_ends_in_a_worker(
    environment: dict[str, str], sink: Sink, tmp_path: Path
) -> None:
    settings = {**environment, "SENTRY_DSN": sink.dsn}
    beat = (
        *("celery", "-A", "tests.extensions.sentry.probe_worker", "beat", "--pidfile="),
        "--scheduler=app.core.tasks.beat:FileScheduler",
        f"--schedule={tmp_path / 'schedule'}",
    )
    with (
        worker(**settings) as working,
        running(*beat, stop=signal.SIGTERM, **settings) as beating,
    ):

        async def complete() -> bool:
            return len(sink.check_ins) == 4

        await eventually(complete, working, beating)
    told = {(each["monitor_slug"], each["status"]) for each in sink.check_ins}
    # An interval of 90 seconds is none that Sentry knows.
    assert told == {
        ("probe-fine", "in_progress"),
        ("probe-fine", "ok"),
        ("probe-refuse", "in_progress"),
        ("probe-refuse", "error"),
    }
    assert len({each["check_in_id"] for each in sink.check_ins}) == 2
    (begin,) = [each for each in sink.check_ins if "monitor_config" in each][:1]
    assert begin["environment"] == "test"
    # A scheduled task that fails is an event as well.
    assert [event["transaction"] for event in sink.events] == ["probe.refuse"]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (schedule(timedelta(minutes=5)), {"type": "interval", "value": 5, "unit": "minute"}),
        (schedule(timedelta(hours=2)), {"type": "interval", "value": 2, "unit": "hour"}),
        (schedule(timedelta(days=1)), {"type": "interval", "value": 1, "unit": "day"}),
        (schedule(timedelta(seconds=90)), None),
        (schedule(timedelta(seconds=5)), None),
        (
            crontab(minute="*/5", hour=3, day_of_week="mon"),
            {"type": "crontab", "value": "*/5 3 * * mon"},
        ),
        (BaseSchedule(), None),
    ],
)
def test_sentry_knows_crontabs_and_whole_minutes(when: Any, expected: Any) -> None:
    found = monitor(when)
    assert (found and found["schedule"]) == expected
    if found:
        assert (found["timezone"], found["max_runtime"]) == ("UTC", 11)
