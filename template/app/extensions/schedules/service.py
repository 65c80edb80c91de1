"""The rules of schedules. Admins can pause each of them, and remove those that they have added.

All functions block, because RedBeat does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from celery.schedules import crontab, schedule
from redbeat.schedulers import ensure_conf, get_redis  # type: ignore[import-untyped]

from app.core.errors import ConflictError, NotFoundError
from app.core.tasks import Call
from app.core.tasks.application import bind, celery
from app.extensions.schedules.scheduler import Entry
from app.extensions.schedules.schemas import Origin, ScheduleCreate, ScheduleRead, parse_crontab

_one_at_a_time = Lock()


def list_schedules() -> list[ScheduleRead]:
    """Return all schedules by name. Schedules of the code are there once a beat has started."""
    with _redis() as client:
        keys = client.zrange(ensure_conf(celery).schedule_key, 0, -1)
        entries = [Entry.from_key(key, app=celery) for key in keys]
        return [_read(entry) for entry in sorted(entries, key=lambda entry: str(entry.name))]


def add_schedule(values: ScheduleCreate) -> ScheduleRead:
    """Add a schedule. Its first interval starts now.

    Raises:
        InvalidError: there is no such task, or it does not take these arguments.
        ConflictError: a schedule with that name exists.
    """
    call = bind(values.task, (), values.arguments)
    when = parse_crontab(values.crontab) if values.crontab else schedule(values.every)
    with _redis() as client:
        entry = Entry(
            values.name,
            values.task,
            when,
            kwargs=call.arguments,
            enabled=values.enabled,
            app=celery,
        )
        if client.exists(entry.key):
            raise ConflictError(
                f"A schedule {values.name} exists. Choose another name, or remove it first.",
                code="schedule_exists",
            )
        return _read(entry.save())


def pause(name: str) -> ScheduleRead:
    """Pause a schedule: it starts nothing until it is resumed.

    Raises:
        NotFoundError: there is no such schedule.
    """
    with _redis():
        entry = _get(name)
        entry.enabled = False
        return _read(entry.save())


def resume(name: str) -> ScheduleRead:
    """Resume a paused schedule. Runs that it has missed are not started.

    Raises:
        NotFoundError: there is no such schedule.
    """
    with _redis():
        entry = _get(name)
        if not entry.enabled:
            entry.enabled = True
            entry.reschedule()
            entry.save()
        return _read(entry)


def remove(name: str) -> None:
    """Remove a schedule that was added at run time.

    Raises:
        NotFoundError: there is no such schedule.
        ConflictError: it is a schedule of the code.
    """
    with _redis():
        entry = _get(name)
        if _origin(name) is Origin.CODE:
            raise ConflictError(
                f"The schedule {name} stands in the schedules.py of its feature. Remove it there, "
                "or pause it.",
                code="schedule_of_the_code",
            )
        entry.delete()


def call_of(name: str) -> Call:
    """Return the task of a schedule with its arguments. The schedule may be paused.

    Raises:
        NotFoundError: there is no such schedule.
        InvalidError: the code has no such task now, or the task takes other arguments.
    """
    with _redis():
        entry = _get(name)
    return bind(entry.task, entry.args or (), entry.kwargs or {})


@contextmanager
def _redis() -> Iterator[Any]:
    """RedBeat's client, for one caller at a time, so that one connection is enough."""
    ensure_conf(celery)
    with _one_at_a_time:
        yield get_redis(celery)


def _get(name: str) -> Entry:
    try:
        entry: Entry = Entry.from_key(Entry.generate_key(celery, name), app=celery)
    except KeyError:
        raise NotFoundError(
            f"There is no schedule {name}. Schedules of the code appear once a beat has started.",
            code="schedule_not_found",
        ) from None
    return entry


def _origin(name: str) -> Origin:
    # `app.core.tasks.application.schedules` requires the dot, `ScheduleCreate` forbids it.
    return Origin.CODE if "." in name else Origin.RUNTIME


def _read(entry: Entry) -> ScheduleRead:
    when = entry.schedule
    fields = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
    return ScheduleRead(
        name=entry.name,
        task=entry.task,
        crontab=" ".join(str(getattr(when, f"_orig_{field}")) for field in fields)
        if isinstance(when, crontab)
        else None,
        every=when.seconds if isinstance(when, schedule) else None,
        arguments=entry.kwargs,
        enabled=entry.enabled,
        origin=_origin(entry.name),
        next_run_at=entry.due_at if entry.enabled else None,
    )
