"""`app worker` and `app beat`: Celery with the settings of this project."""

from pathlib import Path
from typing import Annotated

import typer

cli = typer.Typer()

LogLevel = Annotated[str, typer.Option(help="Least severe level that is logged.")]


@cli.command()
def worker(
    concurrency: Annotated[int, typer.Option(min=1, help="Tasks run at once.")] = 2,
    log_level: LogLevel = "info",
) -> None:
    """Run tasks until stopped; a task that runs is finished first."""
    from app.worker import celery

    # Workers do not talk to each other: that takes a second, and connections to Redis.
    quiet = ["--without-mingle", "--without-gossip"]
    if not celery.conf.worker_send_task_events:
        quiet.append("--without-heartbeat")
    celery.start(["worker", f"--concurrency={concurrency}", f"--loglevel={log_level}", *quiet])


@cli.command()
def beat(
    schedule: Annotated[
        Path, typer.Option(help="File that remembers when what was started.")
    ] = Path(".dev/beat-schedule"),
    log_level: LogLevel = "info",
) -> None:
    """Start scheduled tasks; exactly one beat may run."""
    schedule.parent.mkdir(parents=True, exist_ok=True)
    from app.worker import celery

    celery.start(["beat", f"--schedule={schedule}", f"--loglevel={log_level}", "--pidfile="])
