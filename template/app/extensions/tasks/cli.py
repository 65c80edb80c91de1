"""`app task`: what waits, what failed, and what to do about it."""

from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Column, Table

from app.core.cli.database import with_reader, with_session
from app.core.tasks.models import TaskRecord, TaskState
from app.extensions.tasks import service
from app.extensions.tasks.schemas import TaskQuery

cli = typer.Typer(name="task", no_args_is_help=True, help="Background tasks, the failed ones too.")

TaskId = Annotated[UUID, typer.Argument(help="Id of the task.")]


@cli.command("list")
def list_tasks(
    state: Annotated[TaskState | None, typer.Option(help="Only tasks in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 20,
) -> None:
    """List tasks, newest first; `--state failure` lists the dead letters."""
    query = TaskQuery(state=state, limit=limit)
    page = with_reader(lambda reader: service.TASKS_FOR_OPERATORS.page(reader, query))
    table = Table(
        Column("Id", no_wrap=True), "Task", "State", "Tries", "Enqueued", "Error", box=None
    )
    for task in page.items:
        table.add_row(
            str(task.id),
            task.name,
            task.state,
            str(task.attempts),
            f"{task.created_at:%Y-%m-%d %H:%M:%S}",
            (task.error or "").partition("\n")[0][:80],
        )
    Console().print(table)


@cli.command()
def show(task_id: TaskId) -> None:
    """Print everything about a task, its error in full."""
    _show(with_session(lambda session: service.get_task(session, None, task_id)))


@cli.command()
def cancel(task_id: TaskId) -> None:
    """Stop a task: at once if it waits, at its next report of progress if it runs."""
    _show(with_session(lambda session: service.cancel_task(session, None, task_id)))


@cli.command()
def retry(
    task_id: Annotated[UUID | None, typer.Argument(help="Id of the task.")] = None,
    failed: Annotated[bool, typer.Option("--all", help="All that failed.")] = False,
    name: Annotated[str | None, typer.Option(help="With --all: only tasks of this name.")] = None,
) -> None:
    """Run a failed task again, or all of them."""
    if (task_id is None) is not failed:
        raise typer.BadParameter("give the id of a task, or --all")
    if task_id is not None:
        _show(with_session(lambda session: service.retry_task(session, task_id)))
        return
    count = with_session(lambda session: service.retry_failed(session, name))
    typer.echo(f"{count} failed task(s) enqueued again.")


def _show(task: TaskRecord) -> None:
    table = Table(show_header=False, box=None)
    for name, value in task.model_dump(mode="json").items():
        if value not in (None, ""):
            table.add_row(name, str(value))
    Console().print(table)
