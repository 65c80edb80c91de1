"""One factory of engines for each driver, for every pool mode.

Both raise SettingsError if the address or its TLS settings are wrong.
"""

import os
from functools import cache
from select import POLLIN, poll
from typing import Any

from sqlalchemy import URL, Engine, NullPool, Pool, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.core.database.addresses import pool_mode
from app.core.database.keepalive import KEEPALIVES, keep_alive
from app.core.settings import CoreSettings, get_settings
from app.core.settings.core import LOOPBACK
from app.core.settings.postgres import normalize_url

CONNECT_TIMEOUT = 5.0  # seconds
POOL_RECYCLE = 1800  # seconds after which a connection is replaced

# Connections of a worker's child: one for the task, and one that the task may open beside it.
SYNC_POOL_SIZE = 1
SYNC_MAX_OVERFLOW = 1


def async_engine(settings: CoreSettings) -> AsyncEngine:
    """Build the API's asyncpg engine."""
    url = normalize_url(settings.database_url)
    _drop_libpq_variables(url, settings)
    arguments: dict[str, Any] = {"timeout": CONNECT_TIMEOUT}
    arguments |= settings.tls_of(url).asyncpg_arguments()
    if pool_mode(url, settings) == "transaction":
        # The server connection that executes a named statement may not be the one that parsed it.
        arguments |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    engine = create_async_engine(
        _for_driver(url, "asyncpg"),
        connect_args=arguments,
        pool_size=settings.db_pool_size,
        max_overflow=settings.db_max_overflow,
        pool_timeout=10,
        pool_recycle=POOL_RECYCLE,
        pool_use_lifo=True,
        hide_parameters=settings.online,
    )
    event.listen(engine.sync_engine, "connect", keep_alive)
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def sync_engine(
    address: str | URL, settings: CoreSettings, *, poolclass: type[Pool] | None = None
) -> Engine:
    """Build a psycopg engine; `poolclass=NullPool` keeps no connection."""
    url = normalize_url(address) if isinstance(address, str) else address
    _drop_libpq_variables(url, settings)
    arguments: dict[str, Any] = {"connect_timeout": int(CONNECT_TIMEOUT), **KEEPALIVES}
    arguments |= settings.tls_of(url).libpq_arguments()
    if pool_mode(url, settings) == "transaction":
        arguments["prepare_threshold"] = None
    pool: dict[str, Any] = {
        "pool_size": SYNC_POOL_SIZE,
        "max_overflow": SYNC_MAX_OVERFLOW,
        "pool_recycle": POOL_RECYCLE,
    }
    if poolclass is NullPool:
        pool = {"poolclass": NullPool}
    engine = create_engine(
        _for_driver(url, "psycopg"),
        connect_args=arguments,
        hide_parameters=settings.online,
        **pool,
    )
    event.listen(engine, "checkout", _refuse_readable)
    return engine


@cache
def process_engine() -> Engine:
    """The sync engine of this process: a worker's child, or the command line."""
    settings = get_settings()
    return sync_engine(settings.database_url, settings)


def forget_process_engine(*, close: bool = True) -> None:
    """Make the next `process_engine()` build a new engine.

    After a fork, `close` is False: the connections belong to the parent process.
    """
    if process_engine.cache_info().currsize:
        process_engine().dispose(close=close)
        process_engine.cache_clear()


def _drop_libpq_variables(url: URL, settings: CoreSettings) -> None:
    """Remove what the developer's shell says about other servers, such as PGSSLMODE or PGOPTIONS.

    Only for a local server, and not what completes its address. In production these variables
    apply, as the drivers define them.
    """
    completing = {"PGPORT", "PGUSER", "PGPASSWORD", "PGPASSFILE", "PGDATABASE"}
    if not settings.online and url.host in LOOPBACK:
        for name in {name for name in os.environ if name.startswith("PG")} - completing:
            del os.environ[name]


def _for_driver(url: URL, driver: str) -> URL:
    # Without the parameters that `CoreSettings.tls_of` has read.
    url = url.difference_update_query(["sslmode", "ssl", "sslrootcert"])
    return url.set(drivername=f"postgresql+{driver}")


def _refuse_closed(connection: Any, *_: object) -> None:
    # A ping without a round trip: asyncpg sees on its socket that the server closed a connection.
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the server closed the connection")


def _refuse_readable(connection: Any, *_: object) -> None:
    # The same for psycopg: while nobody asks, the server only sends that it closes the connection.
    waiting = poll()
    waiting.register(connection.pgconn.socket, POLLIN)
    if waiting.poll(0):
        raise DisconnectionError("the server closed the connection")
