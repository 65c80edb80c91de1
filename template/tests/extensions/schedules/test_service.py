"""Schedules of the code and of admins, after a start of beat and after changes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery.schedules import BaseSchedule, crontab, schedule
from pydantic import ValidationError

from app.core.cli.errors import CliError
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.redis import store
from app.core.settings import get_settings
from app.core.tasks import task
from app.core.tasks.application import celery
from app.extensions.schedules import service
from app.extensions.schedules.celery import configuration
from app.extensions.schedules.checks import schedules
from app.extensions.schedules.scheduler import Entry
from app.extensions.schedules.schemas import ScheduleCreate, ScheduleRead
from tests.extensions.schedules.conftest import Start
from tests.support.clock import Clock


def new(**values: Any) -> ScheduleCreate:
    """A valid schedule with these values."""
    if "crontab" not in values:
        values.setdefault("every", 60)
    return ScheduleCreate.model_validate({"name": "mine", "task": "core.heartbeat"} | values)


def listed() -> dict[str, tuple[float | None, bool]]:
    return {each.name: (each.every, each.enabled) for each in service.list_schedules()}


def test_a_start_updates_the_schedules_of_the_code_and_keeps_the_others(start_beat: Start) -> None:
    start_beat({"core.kept": 60, "core.changed": 60, "core.removed": 60})
    service.add_schedule(new())
    service.pause("core.changed")
    service.pause("core.removed")

    start_beat({"core.kept": 60, "core.changed": 120, "core.new": 30})

    assert listed() == {
        "core.changed": (120, False),
        "core.kept": (60, True),
        "core.new": (30, True),
        "mine": (60, True),
    }
    start_beat({})
    assert listed() == {"mine": (60, True)}


def minutes_left(read: ScheduleRead) -> int:
    """Return the minutes until the next run, rounded."""
    assert read.next_run_at is not None
    return round((read.next_run_at - datetime.now(UTC)) / timedelta(minutes=1))


def ran(ago: timedelta) -> None:
    """Set the time of the last run of the schedule `mine`."""
    Entry.from_key(Entry.generate_key(celery, "mine"), app=celery).reschedule(
        datetime.now(UTC) - ago
    )


def test_the_next_run_follows_from_the_last_one_after_a_restart(start_beat: Start) -> None:
    service.add_schedule(new(every=3600))
    for ago, left in ((0, 60), (20, 40), (50, 10), (180, 0)):
        ran(timedelta(minutes=ago))
        start_beat({})
        (read,) = service.list_schedules()
        assert minutes_left(read) == left


def test_a_schedule_is_added_paused_resumed_and_removed(start_beat: Start) -> None:
    added = service.add_schedule(new(crontab="  0  6 * *  mon-fri "))
    assert (added.crontab, added.every, added.origin) == ("0 6 * * mon-fri", None, "runtime")
    paused = service.pause("mine")
    assert (paused.enabled, paused.next_run_at) == (False, None)
    resumed = service.resume("mine")
    assert (resumed.enabled, resumed.crontab) == (True, added.crontab)
    assert minutes_left(resumed) == pytest.approx(minutes_left(added), abs=1)
    service.remove("mine")
    assert listed() == {}


def test_runs_missed_in_a_pause_are_not_started(start_beat: Start) -> None:
    service.add_schedule(new(every=3600))
    ran(timedelta(hours=3))
    service.pause("mine")
    assert minutes_left(service.resume("mine")) == 60


def test_a_schedule_of_the_code_is_not_removed(start_beat: Start) -> None:
    start_beat({"core.a": 60})
    with pytest.raises(ConflictError) as refused:
        service.remove("core.a")
    assert refused.value.code == "schedule_of_the_code"
    assert listed() == {"core.a": (60, True)}


def test_a_name_is_taken_once(start_beat: Start) -> None:
    service.add_schedule(new())
    with pytest.raises(ConflictError) as refused:
        service.add_schedule(new(every=120))
    assert refused.value.code == "schedule_exists"
    assert listed() == {"mine": (60, True)}


@pytest.mark.parametrize("name", ["pause", "resume", "remove", "call_of"])
def test_an_unknown_name_is_an_error(start_beat: Start, name: str) -> None:
    with pytest.raises(NotFoundError) as refused:
        getattr(service, name)("nowhere")
    assert refused.value.code == "schedule_not_found"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"crontab": "0 6 * *"}, "crontab"),
        ({"crontab": "0 25 * * *"}, "crontab"),
        ({"crontab": "0 6 * * someday"}, "crontab"),
        ({"crontab": "* * -1 * *"}, "crontab"),
        ({"crontab": "0 0 30 2 *"}, "crontab"),
        ({"crontab": None}, None),
        ({"crontab": "0 6 * * *", "every": 60}, None),
        ({"every": 0.5}, "every"),
        ({"every": float("nan")}, "every"),
        ({"name": "core.mine"}, "name"),
        ({"name": "a b"}, "name"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_wrong_schedule_is_refused(values: dict[str, Any], field: str | None) -> None:
    with pytest.raises(ValidationError) as refused:
        new(**values)
    (error,) = refused.value.errors()
    assert error["loc"] == ((field,) if field else ())


@pytest.mark.parametrize(
    ("values", "code", "named"),
    [
        ({"task": "no.such"}, "unknown_task", r"no\.such.*core\.heartbeat"),
        ({"task": "celery.chord"}, "unknown_task", r"celery\.chord"),
        ({"arguments": {"x": 1}}, "wrong_arguments", r"core\.heartbeat.*'x'"),
        ({"task": "probe.add", "arguments": {}}, "wrong_arguments", r"'first'"),
        ({"task": "probe.add", "arguments": {"first": "one"}}, "wrong_arguments", r"first:"),
    ],
)
def test_a_call_that_cannot_work_is_refused(
    start_beat: Start, values: dict[str, Any], code: str, named: str
) -> None:
    @task(name="probe.add")
    def add(first: int, second: int = 2) -> int:
        return first + second

    try:
        with pytest.raises(InvalidError, match=named) as refused:
            service.add_schedule(new(**values))
        assert refused.value.code == code
        assert listed() == {}
        arguments = {"first": 1}
        assert (
            service.add_schedule(new(task="probe.add", arguments=arguments)).arguments == arguments
        )
    finally:
        celery.tasks.unregister("probe.add")


BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("when", "start", "expected"),
    [
        # Summer time ends at 3:00 on 25 October 2026, and begins at 2:00 on 28 March 2027.
        (
            crontab(hour="6", minute="0"),
            datetime(2026, 10, 24, 3, tzinfo=UTC),
            ["2026-10-24T06:00+02:00", "2026-10-25T06:00+01:00"],
        ),
        (
            crontab(hour="2", minute="30"),
            datetime(2026, 10, 24, 12, tzinfo=UTC),
            ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
        ),
        (
            crontab(hour="2", minute="30"),
            datetime(2027, 3, 27, 12, tzinfo=UTC),
            ["2027-03-28T03:30+02:00", "2027-03-29T02:30+02:00"],
        ),
        (
            crontab(day_of_month="31", hour="0", minute="0"),
            datetime(2027, 3, 30, 12, tzinfo=UTC),
            ["2027-03-31T00:00+02:00"],
        ),
        # The hour that comes twice: its second occurrence is not mixed up with the first.
        (
            schedule(1200),
            datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
            [
                "2026-10-25T02:50+02:00",
                *(f"2026-10-25T02:{minute}+01:00" for minute in ("10", "30", "50")),
                *(f"2026-10-25T03:{minute}+01:00" for minute in ("10", "30", "50")),
            ],
        ),
    ],
)
def test_times_stay_right_in_redis_when_the_clock_changes(
    start_beat: Start, when: BaseSchedule, start: datetime, expected: list[str]
) -> None:
    """RedBeat only looks at the stored time of the next run."""
    clock = Clock(start, **{**configuration(get_settings()), "timezone": BERLIN})
    clock.app.conf.redbeat_key_prefix = celery.conf.redbeat_key_prefix
    clock.app.redbeat_redis = store()  # type: ignore[attr-defined]
    when.app = clock.app
    first = Entry("mine", "core.heartbeat", when, app=clock.app).save()

    def due(entry: Entry) -> bool:
        stored = Entry.from_key(entry.key, app=clock.app)
        return 0 <= stored.score <= clock.time.timestamp() and bool(stored.is_due().is_due)

    length = timedelta(hours=3) if isinstance(when, schedule) else timedelta(days=2)
    assert clock.starts(first, start + length, timedelta(minutes=10), due)[:7] == expected


def test_the_doctor_finds_a_schedule_whose_task_has_changed(start_beat: Start) -> None:
    start_beat({"core.a": 60})
    service.add_schedule(new())
    assert schedules().startswith("2 ")
    Entry("old", "core.heartbeat", schedule(60), kwargs={"x": 1}, app=celery).save()
    with pytest.raises(CliError, match=r"old.*core\.heartbeat.*'x'"):
        schedules()
