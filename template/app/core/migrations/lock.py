"""One migration at a time: deploys that start together queue up."""

import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, func, select, text

from app.core.models import SCHEMA

logger = logging.getLogger(__name__)

# Advisory locks are numbers of one database: ours is told apart by its schema.
LOCK_KEY = zlib.crc32(f"migrations of {SCHEMA}".encode())


@contextmanager
def exclusive(engine: Engine) -> Iterator[None]:
    """Hold the lock while the block runs; wait, however long, while somebody else does.

    Each migration commits by itself, so the lock lives in the transaction of a connection of its
    own. A session's lock would outlive its client in a pooler. The transaction holds no snapshot,
    so `CREATE INDEX CONCURRENTLY` does not wait for it.
    """
    with engine.connect() as connection, connection.begin():
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        if not connection.scalar(select(func.pg_try_advisory_xact_lock(LOCK_KEY))):
            logger.warning("Waiting for another migration of this database to finish.")
            connection.execute(select(func.pg_advisory_xact_lock(LOCK_KEY)))
        yield
