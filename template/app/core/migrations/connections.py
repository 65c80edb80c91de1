"""Connections for migrations: they are not pooled, and only one migration runs at a time."""

import logging
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, NullPool, func, select, text

from app.core.database import migration_url, sync_engine
from app.core.database.models import SCHEMA
from app.core.settings import get_settings

logger = logging.getLogger(__name__)

# All programs of a database share the numbers of advisory locks. Projects that use the same
# database have different schemas.
LOCK_KEY = zlib.crc32(f"migrations of {SCHEMA}".encode())

RETRY = 0.2  # seconds


def migration_engine(url: str | None = None) -> Engine:
    """Build an engine without a pool, by default for the migration address of the settings."""
    settings = get_settings()
    return sync_engine(url or migration_url(settings), settings, poolclass=NullPool)


@contextmanager
def exclusive_connection(url: str | None = None) -> Iterator[Connection]:
    """Connect while no other migration of this schema runs; wait for it without a limit.

    Each migration commits its own transaction, so the lock belongs to the transaction of a second
    connection. A lock of the session would outlive its client in a pooler.
    """
    engine = migration_engine(url)
    with engine.connect() as lock:
        warned = False
        while not lock.scalar(select(func.pg_try_advisory_xact_lock(LOCK_KEY))):
            # CREATE INDEX CONCURRENTLY waits for every snapshot, so a waiting process keeps none.
            lock.rollback()
            if not warned:
                logger.warning("Waiting for another migration of this database to finish.")
            warned = True
            time.sleep(RETRY)
        # This statement also releases the snapshot of the query above.
        lock.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        with engine.connect() as connection:
            # While a migration waits for a table, every later query on the table waits behind it.
            connection.execute(text("SET lock_timeout = '5s'"))
            connection.execute(text("SET statement_timeout = 0"))
            connection.commit()
            yield connection
