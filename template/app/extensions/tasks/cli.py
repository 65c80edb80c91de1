"""`app task`: list, show, cancel and retry tasks."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from app.core.cli.database import with_reader, with_session
from app.core.cli.output import print_table
from app.core.http.lists import EVERYONE
from app.core.tasks.models import TaskRecord, TaskState
from app.extensions.tasks import service
from app.extensions.tasks.schemas import TaskQuery

cli = typer.Typer(name="task", no_args_is_help=True, help="Background tasks.")

# What an entry in the history of a task may have, in the order in which it is shown.
FACTS = ("request", "delivery", "attempt", "worker", "reason")

TaskId = Annotated[UUID, typer.Argument(help="Id of the task.")]


@cli.command("list")
def list_tasks(
    state: Annotated[TaskState | None, typer.Option(help="Only tasks in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 20,
) -> None:
    """List tasks, newest first; `--state failure` lists the dead letters."""
    query = TaskQuery(state=state, limit=limit)
    page = with_reader(lambda reader: service.TASKS_FOR_OPERATORS.page(reader, query))
    print_table(
        ("Id", "Task", "State", "Tries", "Enqueued", "Error"),
        *(
            (
                task.id,
                task.name,
                task.state,
                task.attempts,
                task.created_at,
                (task.error or "").partition("\n")[0][:80],
            )
            for task in page.items
        ),
    )


@cli.command()
def show(task_id: TaskId) -> None:
    """Print all fields of a task, with the whole error, and then what happened to it."""
    task = with_session(lambda session: service.get_task(session, EVERYONE, task_id))
    _show(task)
    enqueued = {"at": task.created_at.isoformat(), "event": "enqueued", "request": task.request_id}
    rows = []
    for entry in (enqueued, *task.history):
        at = datetime.fromisoformat(entry["at"]).astimezone(UTC)
        facts = [f"{name} {entry[name]}" for name in FACTS if entry.get(name)]
        rows.append((f"{at:%Y-%m-%d %H:%M:%S.%f}"[:-3], entry["event"], ", ".join(facts)))
    typer.echo()
    print_table(("Time (UTC)", "Event", "Facts"), *rows)


@cli.command()
def cancel(task_id: TaskId) -> None:
    """Cancel a task. A running task stops when it reports its progress."""
    _show(with_session(lambda session: service.cancel_task(session, EVERYONE, task_id)))


@cli.command()
def retry(
    task_id: Annotated[UUID | None, typer.Argument(help="Id of the task.")] = None,
    failed: Annotated[bool, typer.Option("--all", help="All failed tasks.")] = False,
    name: Annotated[str | None, typer.Option(help="With --all: only tasks with this name.")] = None,
) -> None:
    """Run a failed task again, or all failed tasks."""
    if (task_id is None) is not failed:
        raise typer.BadParameter("pass the id of a task or --all")
    if task_id is not None:
        _show(with_session(lambda session: service.retry_task(session, task_id)))
        return
    count = with_session(lambda session: service.retry_failed(session, name))
    typer.echo(f"{count} failed task(s) will run again.")


def _show(task: TaskRecord) -> None:
    # Not as a table: an error has several lines.
    fields = task.model_dump(mode="json", exclude={"history"})
    for name, value in ({name: fields[name] for name in ("id", "name", "state")} | fields).items():
        if value not in (None, ""):
            typer.echo(f"{name:<16}  {value}")
