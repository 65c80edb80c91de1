"""The tasks of core: the upkeep that every deployment needs."""

import time

from app.core.database import process_engine
from app.core.redis import redis_key, store
from app.core.settings import get_settings
from app.core.supabase.clients import with_supabase
from app.core.supabase.storage import Storage
from app.core.tasks.definition import task
from app.core.tasks.sweep import delete_old, sweep

HEARTBEAT_KEY = "heartbeat"
HEARTBEAT_SECONDS = 20


@task()
def heartbeat() -> None:
    """Write the time to Redis. It proves that beat, Redis and a worker work together."""
    store().set(redis_key(HEARTBEAT_KEY), time.time())


def heartbeat_age() -> float | None:
    """Return the seconds since the last heartbeat, or None if there was none yet."""
    value = store().get(redis_key(HEARTBEAT_KEY))
    return time.time() - float(value) if value else None


@task()
def sweep_tasks() -> None:
    """Send the tasks that were left behind: see `app.core.tasks.sweep`."""
    sweep(process_engine(), longest_run=get_settings().celery_visibility_timeout)


@task()
def delete_old_tasks() -> None:
    """Delete the records of tasks that ended long ago."""
    delete_old(process_engine(), get_settings().task_keep_days)


@task()
def delete_leftover_uploads() -> None:
    """Delete files that users have sent and that nothing accepted: see `Storage.accept`."""
    with_supabase(lambda supabase: Storage(supabase).delete_leftovers())
