"""Engines and sessions: one factory, both drivers, every pool mode.

`asyncpg` serves the API; `psycopg` serves tasks, migrations and the command line. Nobody else
builds an engine, so an address behaves the same everywhere.
"""

import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Request
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Executable,
    NullPool,
    Pool,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.settings import CoreSettings, SettingsError, get_settings

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

Result = TypeVar("Result")

TRANSACTION_POOLER_PORT = 6543

# What dashboards add to the addresses they show and no driver understands as it stands.
_POOLER_HINTS = ("pgbouncer", "prepare_threshold", "prepared_statement_cache_size", "supa")

CONNECT_TIMEOUT = 5.0  # seconds


def plain_url(address: str) -> URL:
    """Parse an address and strip the driver and the hints that poolers' dashboards add.

    Raises:
        SettingsError: the address cannot be parsed.
    """
    try:
        url = make_url(address)
    except Exception as error:
        raise SettingsError(
            "DATABASE_URL is no address of a Postgres: write "
            "postgresql://user:password@host:5432/name, special characters percent-encoded."
        ) from error
    return url.set(drivername="postgresql").difference_update_query(_POOLER_HINTS)


def pool_mode(url: URL, settings: CoreSettings) -> str:
    """Return `direct`, `session` or `transaction`: how the server behind `url` pools."""
    if settings.db_pool_mode != "auto":
        return settings.db_pool_mode
    return "transaction" if url.port == TRANSACTION_POOLER_PORT else "direct"


def migration_url(settings: CoreSettings) -> URL:
    """Address for migrations, which need one server session for the length of a transaction.

    Raises:
        SettingsError: it is a transaction pooler's.
    """
    url = plain_url(settings.migration_database_url or settings.database_url)
    if url.port == TRANSACTION_POOLER_PORT:
        raise SettingsError(
            "Migrations cannot run through port 6543, a transaction pooler: set "
            "MIGRATION_DATABASE_URL to the direct or session-mode address (port 5432)."
        )
    return url


def sync_engine(
    address: str | URL, settings: CoreSettings, *, poolclass: type[Pool] | None = None
) -> Engine:
    """Build a psycopg engine; `poolclass=NullPool` where connections must not be kept."""
    url = plain_url(address) if isinstance(address, str) else address
    mode, certificate, url = _tls(url, settings)
    arguments: dict[str, Any] = {"connect_timeout": int(CONNECT_TIMEOUT)}
    if mode:
        arguments["sslmode"] = mode
    if certificate:
        arguments["sslrootcert"] = certificate
    if pool_mode(url, settings) == "transaction":
        arguments["prepare_threshold"] = None
    pool = (
        {"poolclass": poolclass}
        if poolclass is NullPool
        else {"pool_size": 1, "max_overflow": 1, "pool_recycle": 1800, "pool_pre_ping": True}
    )
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args=arguments,
        hide_parameters=settings.online,
        **pool,
    )


def async_engine(settings: CoreSettings) -> AsyncEngine:
    """Build the API's asyncpg engine."""
    mode, certificate, url = _tls(plain_url(settings.database_url), settings)
    arguments: dict[str, Any] = {"timeout": CONNECT_TIMEOUT}
    if mode:
        arguments["ssl"] = _ssl_context(mode, certificate)
    if pool_mode(url, settings) == "transaction":
        # A named statement may be executed on another server connection than it was parsed on.
        arguments |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    engine = create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        connect_args=arguments,
        pool_size=settings.db_pool_size,
        max_overflow=settings.db_max_overflow,
        pool_timeout=10,
        pool_recycle=1800,
        pool_use_lifo=True,
        hide_parameters=settings.online,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


class Reader:
    """For reading alone: each statement stands by itself, without BEGIN.

    A connection is held for no longer than a call; one call is one round trip for each statement.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def rows(
        self, statement: Executable, values: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Run a statement and return its rows by column, an entity's too, which nobody tracks.

        Response models read dictionaries in two thirds of the time that attributes take.
        """

        def fetch(connection: Connection) -> list[dict[str, Any]]:
            result = connection.execute(statement, values)
            names = tuple(result.keys())
            return [dict(zip(names, row, strict=True)) for row in result]

        return await self.run(fetch)

    async def run(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` returns, given a connection."""

        def connected() -> Result:
            with self.engine.sync_engine.connect() as connection:
                # Not as an option of an engine: there it makes every statement fire events.
                connection.execution_options(isolation_level="AUTOCOMMIT")
                return work(connection)

        # One greenlet for all steps: an `AsyncConnection` starts one for each, and a task to close.
        return await greenlet_spawn(connected)


class Database:
    """The engine of one API process and the two ways to use it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.reader = Reader(engine)

    def session(self) -> AsyncSession:
        """A session for a unit of work; the service commits it, closing rolls back."""
        return AsyncSession(self.engine, expire_on_commit=False)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def database_of(request: Request) -> Database:
    """The database of the running API; tests replace it through `app.state.database`."""
    database: Database = request.app.state.database
    return database


async def _session(request: Request) -> AsyncIterator[AsyncSession]:
    async with database_of(request).session() as session:
        yield session


async def _reader(request: Request) -> Reader:
    return database_of(request).reader


# Ends before the answer is sent: a commit is never pending behind a 200, and a slow client holds no
# connection.
DatabaseSession = Annotated[AsyncSession, Depends(_session, scope="function")]
DatabaseReader = Annotated[Reader, Depends(_reader)]


@cache
def process_engine() -> Engine:
    """The sync engine of this process: a worker's child, or the command line."""
    settings = get_settings()
    return sync_engine(settings.database_url, settings)


@contextmanager
def sync_session() -> Iterator[Session]:
    """A session for tasks and the command line; the caller commits, an exception rolls back."""
    with Session(process_engine(), expire_on_commit=False) as session:
        yield session


def _refuse_closed(
    connection: "DBAPIConnection", _record: "ConnectionPoolEntry", _proxy: "PoolProxiedConnection"
) -> None:
    # asyncpg learns of a closed connection from its socket, so this ping costs no round trip.
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the server closed the connection")


def _tls(url: URL, settings: CoreSettings) -> tuple[str | None, str | None, URL]:
    """Return TLS mode, CA and the address without them: each driver takes them its own way."""
    query = {key: str(value) for key, value in url.query.items()}
    mode = settings.db_ssl_mode or query.get("sslmode") or query.get("ssl")
    certificate = settings.db_ssl_root_cert or query.get("sslrootcert")
    return mode, certificate, url.difference_update_query(["sslmode", "ssl", "sslrootcert"])


def _ssl_context(mode: str, certificate: str | None) -> ssl.SSLContext | str:
    if mode not in ("require", "verify-ca", "verify-full"):
        return mode
    context = ssl.create_default_context()
    if certificate and "BEGIN CERTIFICATE" in certificate:
        context.load_verify_locations(cadata=certificate)
    elif certificate:
        context.load_verify_locations(cafile=str(Path(certificate).expanduser()))
    context.check_hostname = mode == "verify-full"
    if mode == "require":
        context.verify_mode = ssl.CERT_NONE
    return context
