"""How many connections a deployment may open at once, and how many the server gives it."""

from typing import NamedTuple

from app.core.database.addresses import PoolMode, pool_mode
from app.core.database.engines import SYNC_MAX_OVERFLOW, SYNC_POOL_SIZE
from app.core.settings import CoreSettings
from app.core.settings.postgres import normalize_url

# One connection holds the lock and one migrates. Beat opens none.
MIGRATIONS = 2
# The pool of a worker's child for tasks that are coroutines, see `app.core.tasks.loop`.
LOOP_POOL_SIZE = 1

# Clients that the pooler of Supabase's smallest compute accepts. In session mode a client occupies
# a server connection for its whole life. A direct server reports its own limit.
# Source: Supabase's docs, Compute and Disk, Connection management.
LIMITS: dict[PoolMode, int] = {"session": 15, "transaction": 200}


class Budget(NamedTuple):
    """The most connections by holder; `limit` is None where only the server knows it."""

    mode: PoolMode
    api: int
    worker: int
    limit: int | None

    @property
    def total(self) -> int:
        """All of them, with a migration that runs beside the processes."""
        return self.api + self.worker + MIGRATIONS


def budget(settings: CoreSettings, *, api_processes: int, worker_processes: int) -> Budget:
    """Add up the connections of all processes; a worker has as many as its concurrency."""
    mode = pool_mode(normalize_url(settings.database_url), settings)
    return Budget(
        mode=mode,
        api=api_processes * (settings.db_pool_size + settings.db_max_overflow),
        worker=worker_processes
        * (SYNC_POOL_SIZE + SYNC_MAX_OVERFLOW + LOOP_POOL_SIZE + settings.db_max_overflow),
        limit=settings.db_connection_limit or LIMITS.get(mode),
    )
