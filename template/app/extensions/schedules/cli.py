"""`app schedule`: list, add, pause, resume, start and remove schedules."""

import json
from collections.abc import Callable
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from kombu.exceptions import OperationalError
from pydantic import ValidationError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.cli.database import with_session
from app.core.cli.errors import CliError
from app.core.cli.output import print_table
from app.core.features import load_all_settings
from app.core.tasks import enqueue
from app.core.tasks.application import configure_celery
from app.extensions.schedules import service
from app.extensions.schedules.schemas import ScheduleCreate, ScheduleRead

cli = typer.Typer(name="schedule", no_args_is_help=True, help="Schedules of tasks.")

Result = TypeVar("Result")
Name = Annotated[str, typer.Argument(help="Name of the schedule.")]


@cli.command("list")
def list_schedules() -> None:
    """List the schedules of the code and those made at run time."""
    _show(*_do(service.list_schedules))


@cli.command()
def add(
    name: Name,
    task: Annotated[str, typer.Argument(help="Name of the task.")],
    crontab: Annotated[
        str | None,
        typer.Option(help="Minute, hour, day of the month, month, day of the week: '0 6 * * *'."),
    ] = None,
    every: Annotated[float | None, typer.Option(help="Seconds from one run to the next.")] = None,
    arguments: Annotated[str, typer.Option(help="Arguments of the task, as a JSON object.")] = "{}",
    paused: Annotated[bool, typer.Option("--paused", help="Add it paused.")] = False,
) -> None:
    """Add a schedule."""
    try:
        values = ScheduleCreate(
            name=name,
            task=task,
            crontab=crontab,
            every=every,
            arguments=json.loads(arguments),
            enabled=not paused,
        )
    except json.JSONDecodeError as error:
        raise CliError(
            f"--arguments is not JSON ({error}). Write an object, such as '{{\"limit\": 1}}'."
        ) from error
    except ValidationError as error:
        wrong = "; ".join(
            ": ".join([*map(str, each["loc"]), each["msg"].removeprefix("Value error, ")])
            for each in error.errors()
        )
        raise CliError(f"The schedule is not valid ({wrong}).") from error
    _show(_do(lambda: service.add_schedule(values)))


@cli.command()
def pause(name: Name) -> None:
    """Start nothing until the schedule is resumed."""
    _show(_do(lambda: service.pause(name)))


@cli.command()
def resume(name: Name) -> None:
    """Resume a paused schedule. Runs that it has missed are not started."""
    _show(_do(lambda: service.resume(name)))


@cli.command()
def remove(name: Name) -> None:
    """Remove a schedule that was added at run time."""
    _do(lambda: service.remove(name))


@cli.command("run-now")
def run_now(name: Name) -> None:
    """Start the task of a schedule now, even if it is paused. Print its id for `app task show`."""
    call = _do(lambda: service.call_of(name))

    async def work(session: AsyncSession) -> UUID:
        task_id = enqueue(session, call)
        await session.commit()
        return task_id

    typer.echo(with_session(work))


def _do(work: Callable[[], Result]) -> Result:
    configure_celery(load_all_settings())
    try:
        return work()
    except (RedisConnectionError, RedisTimeoutError, OperationalError) as error:
        raise CliError(
            f"Redis does not answer ({error}). Check REDIS_URL, or start `uv run app dev`."
        ) from error


def _show(*schedules: ScheduleRead) -> None:
    print_table(
        ("Name", "Task", "When", "Arguments", "Origin", "Next run"),
        *(
            (
                each.name,
                each.task,
                each.crontab or f"every {each.every:g} s",
                json.dumps(each.arguments) if each.arguments else "",
                each.origin,
                each.next_run_at or "paused",
            )
            for each in schedules
        ),
    )
