"""One migration at a time: deploys that start together queue up."""

import logging
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, func, select, text

from app.core.database.models import SCHEMA

logger = logging.getLogger(__name__)

# Advisory locks are numbers of one database: ours is told apart by its schema.
LOCK_KEY = zlib.crc32(f"migrations of {SCHEMA}".encode())

RETRY = 0.2  # seconds


@contextmanager
def exclusive(engine: Engine) -> Iterator[None]:
    """Hold the lock while the block runs; wait, however long, while somebody else does.

    Each migration commits by itself, so the lock lives in the transaction of a connection of its
    own: a session's lock would outlive its client in a pooler. `CREATE INDEX CONCURRENTLY` waits
    for every snapshot in the database, so neither who holds the lock nor who waits may keep one.
    """
    with engine.connect() as connection:
        if not _taken(connection):
            logger.warning("Waiting for another migration of this database to finish.")
            while not _taken(connection):
                time.sleep(RETRY)
        # Besides its own use, this ends the query above, whose snapshot the server keeps till then.
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield


def _taken(connection: Connection) -> bool:
    if connection.scalar(select(func.pg_try_advisory_xact_lock(LOCK_KEY))):
        return True
    connection.rollback()
    return False
