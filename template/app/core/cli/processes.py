"""`app worker` and `app beat`: Celery with the settings of this project.

The worker is imported in the commands: it loads every task, which other commands do not need.
"""

from pathlib import Path
from typing import Annotated

import typer

cli = typer.Typer()

LogLevel = Annotated[str, typer.Option(help="Lowest level that is logged.")]


@cli.command()
def worker(
    concurrency: Annotated[int, typer.Option(min=1, help="Tasks that run at the same time.")] = 2,
    log_level: LogLevel = "info",
) -> None:
    """Run tasks until it is stopped; running tasks are finished first."""
    from app.worker import celery

    # Workers do not need to know each other: that takes a second, and connections to Redis.
    options = ["--without-mingle", "--without-gossip"]
    if not celery.conf.worker_send_task_events:
        options.append("--without-heartbeat")
    celery.start(["worker", f"--concurrency={concurrency}", f"--loglevel={log_level}", *options])


@cli.command()
def beat(
    schedule: Annotated[
        Path, typer.Option(help="File that stores when each task was last started.")
    ] = Path(".dev/beat-schedule"),
    log_level: LogLevel = "info",
) -> None:
    """Start scheduled tasks; only one beat may run."""
    schedule.parent.mkdir(parents=True, exist_ok=True)
    from app.worker import celery

    celery.start(["beat", f"--schedule={schedule}", f"--loglevel={log_level}", "--pidfile="])
