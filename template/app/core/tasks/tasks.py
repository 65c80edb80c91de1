"""The machinery's own tasks: the upkeep that every deployment needs."""

from app.core.database import process_engine
from app.core.settings import get_settings
from app.core.tasks import heartbeat as beats
from app.core.tasks.definition import task
from app.core.tasks.sweep import forget, sweep


@task()
def heartbeat() -> None:
    """Write the time to Redis: it proves the whole way from beat to a worker."""
    beats.write()


@task()
def sweep_tasks() -> None:
    """Bring back tasks that were left behind: see `app.core.tasks.sweep`."""
    sweep(process_engine(), longest_run=get_settings().celery_visibility_timeout)


@task()
def forget_tasks() -> None:
    """Delete the records of tasks that ended long ago."""
    forget(process_engine(), get_settings().task_keep_days)
