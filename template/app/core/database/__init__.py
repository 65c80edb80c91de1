"""Postgres: addresses, engines and sessions.

asyncpg serves the API; psycopg serves tasks, migrations and the command line. All engines are built
here, so that an address behaves the same everywhere.
"""

from app.core.database.addresses import migration_url, pool_mode
from app.core.database.compiled import execute, write
from app.core.database.engines import (
    async_engine,
    forget_process_engine,
    process_engine,
    sync_engine,
)
from app.core.database.reader import Reader, Result
from app.core.database.sessions import (
    Database,
    DatabaseReader,
    DatabaseSession,
    database_of,
    sync_session,
)
from app.core.database.user_scope import act_as
from app.core.settings.postgres import normalize_url

__all__ = [
    "Database",
    "DatabaseReader",
    "DatabaseSession",
    "Reader",
    "Result",
    "act_as",
    "async_engine",
    "database_of",
    "execute",
    "forget_process_engine",
    "migration_url",
    "normalize_url",
    "pool_mode",
    "process_engine",
    "sync_engine",
    "sync_session",
    "write",
]
