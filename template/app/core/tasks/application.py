"""The Celery application: its configuration, and the signals that set the context of each task."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery import Celery
from celery.beat import ScheduleEntry
from celery.schedules import BaseSchedule, schedule
from celery.signals import setup_logging, task_postrun, task_prerun
from kombu.transport import TRANSPORT_ALIASES
from pydantic import ValidationError

from app.core import context
from app.core.errors import InvalidError
from app.core.features import FeatureError, load
from app.core.logging import configure_logging
from app.core.settings import CoreSettings, SettingsError, get_settings
from app.core.tasks.config import celery_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from celery.app.task import Context
    from celery.app.task import Task as CeleryTask

    from app.core.tasks.definition import Call, Task

# Both are named and not imported, because the modules import this one, directly or not.
# Celery's only fixup is for Django, and imports the whole worker into every process.
celery = Celery("app", task_cls="app.core.tasks.run:RecordedTask", fixups=[])
TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "app.core.tasks.transport:Transport")

# Headers that bring the context of a request into the log lines of its tasks.
CARRIED = {"request_id": context.request_id, "user_id": context.user_id}


def configure_celery(settings: CoreSettings) -> Celery:
    """Apply the settings to the Celery application and load the tasks of core and every feature.

    Raises:
        FeatureError: tasks, schedules or the configuration of a feature cannot be loaded, or the
            time limit of a task is too long.
    """
    # The first use of `celery.conf` sends this signal. An error of its handler becomes a traceback
    # in the log, and would be raised here again.
    celery.on_after_configure.disconnect(_configure)
    _apply(settings)
    load("tasks")
    celery.conf.beat_schedule = schedules()
    for name, task in celery.tasks.items():
        if (task.time_limit or 0) > settings.celery_time_limit:
            raise FeatureError(
                f"The time limit of task {name} is {task.time_limit} s, which is longer than "
                f"CELERY_TIME_LIMIT={settings.celery_time_limit}. Raise CELERY_TIME_LIMIT, or "
                "Redis would deliver the task a second time while it runs."
            )
    return celery


def _apply(settings: CoreSettings) -> None:
    celery.conf.update(celery_settings(settings))
    # A question to the workers is then sent on the connection that waits for the answers. Celery
    # would take a second connection from the pool, and wait for ever if the pool has only one.
    celery.control.mailbox.producer_pool = None  # type: ignore[attr-defined]
    for _, configuration in load("celery"):
        celery.conf.update(configuration(settings))


def schedules() -> dict[str, dict[str, Any]]:
    """Return the schedules of core and of every loaded feature, by `feature.name`.

    Arguments are returned by name and as JSON, as in the message of a task.

    Raises:
        FeatureError: a schedule has a wrong name, has no interval or cannot start its task.
    """
    found: dict[str, dict[str, Any]] = {}
    for feature, entries in load("schedules"):
        if not isinstance(entries, Mapping):
            raise FeatureError(f"Feature '{feature.name}': SCHEDULES must be a dictionary.")
        for key, values in entries.items():
            if not isinstance(key, str) or not key.startswith(f"{feature.name}."):
                raise FeatureError(
                    f"Feature '{feature.name}': rename the schedule '{key}' to '{feature.name}.…'."
                )
            try:
                entry = _entry(key, values)
                arguments = bind(entry.task, entry.args, entry.kwargs).arguments
            except (TypeError, InvalidError) as error:
                raise FeatureError(
                    f"Feature '{feature.name}': the schedule '{key}' is wrong: {error}"
                ) from error
            found[key] = {**values, "args": (), "kwargs": arguments}
    return found


def _entry(key: str, values: Any) -> Any:
    """Build Celery's entry of a schedule; Celery itself would fail when the schedule is due.

    Raises:
        TypeError: a value is of a wrong type, or the interval is not positive and finite.
    """
    if not isinstance(values, Mapping):
        raise TypeError("it must be a dictionary")
    for name, kind in {"args": list | tuple, "kwargs": Mapping, "options": Mapping}.items():
        if name in values and not isinstance(values[name], kind):
            raise TypeError(f"'{name}' must be a {'list' if name == 'args' else 'dictionary'}")
    when = values.get("schedule")
    if isinstance(when, int | float | timedelta | BaseSchedule) and not isinstance(when, bool):
        with suppress(ValueError, OverflowError):  # not a number, infinite, or too many seconds
            entry: Any = ScheduleEntry(key, **values, app=celery)
            # Other schedules, such as a crontab, are not an interval.
            if not isinstance(entry.schedule, schedule) or entry.schedule.seconds > 0:
                return entry
    raise TypeError("'schedule' must be a crontab, or a timedelta or seconds above 0")


def bind(name: str, args: "Sequence[Any]", kwargs: Mapping[str, Any]) -> "Call":
    """Bind arguments, as values or as JSON, to the task with this name.

    Raises:
        InvalidError: there is no such task, or it does not take these arguments.
    """
    task: Task[..., Any] | None = getattr(celery.tasks.get(name), "declared", None)
    if task is None:
        declared = (key for key, each in celery.tasks.items() if getattr(each, "declared", None))
        known = ", ".join(sorted(declared))
        raise InvalidError(f"There is no task {name}. The tasks are: {known}.", code="unknown_task")
    try:
        return task.s(*args, **kwargs)
    except (TypeError, ValidationError) as error:
        wrong = str(error)
        if isinstance(error, ValidationError):
            fields = [(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors()]
            wrong = "; ".join(map(": ".join, fields))
        raise InvalidError(
            f"The task {name} does not take these arguments ({wrong}).", code="wrong_arguments"
        ) from error


def header(request: "Context", name: str) -> Any:
    """Return a header of the message of a running task, or None."""
    return (request.headers or {}).get(name)


@celery.on_after_configure.connect
def _configure(**_: Any) -> None:
    # The API and the worker call `configure_celery` at their start. Other commands do not. They
    # only send tasks, and Celery may be in the middle of registering these.
    try:
        _apply(get_settings())
    except (FeatureError, SettingsError) as error:
        # Celery would log any other error with a traceback and go on without the configuration.
        raise SystemExit(f"Error: {error}") from error


@setup_logging.connect
def _setup_logging(**_: Any) -> None:
    # Celery does not configure logs itself if this signal has a handler.
    configure_logging(get_settings())


@task_prerun.connect
def _bind(task_id: str, task: "CeleryTask[Any, Any]", **_: Any) -> None:
    context.task_id.set(task_id)
    for name, variable in CARRIED.items():
        variable.set(header(task.request, name) or None)


@task_postrun.connect
def _unbind(**_: Any) -> None:
    for variable in context.BOUND.values():
        variable.set(None)
