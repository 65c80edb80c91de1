"""The connection pools of this process."""

from collections.abc import Callable

from sqlalchemy import Engine, QueuePool

from app.core.database import process_engine
from app.core.tasks.loop import process_database

# Set by the lifespan of the API, and at the start of a worker's process.
engines: Callable[[], list[Engine]] = list


def connections() -> tuple[int, int]:
    """Return how many connections are in use, and how many may be."""
    pools = [engine.pool for engine in engines()]
    queues = [pool for pool in pools if isinstance(pool, QueuePool)]
    used = sum(pool.checkedout() for pool in queues)
    # The overflow has no public name.
    return used, sum(pool.size() + pool._max_overflow for pool in queues)  # noqa: SLF001


def of_worker() -> list[Engine]:
    """Return the engine of tasks, and the one of async tasks if there was one."""
    found = [process_engine()]
    if process_database.cache_info().currsize:
        found.append(process_database().engine.sync_engine)
    return found
