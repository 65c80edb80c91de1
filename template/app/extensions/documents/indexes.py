"""HNSW indexes: one for each model, built with its first vectors and dropped with its last.

Only the index of a model depends on the number of its dimensions. A change of the model or its
dimensions therefore adds an index and breaks none. Indexes are built CONCURRENTLY, without blocking
reads and writes. Without an index, searches compare all vectors of the owner.
"""

import hashlib

from sqlalchemy import Connection, Engine, NullPool, text

from app.core.database import migration_url, sync_engine
from app.core.database.models import RUNTIME_INDEX, SCHEMA
from app.core.settings import get_settings

TABLE = "documents_embeddings"

_VALID = text("""
    SELECT indisvalid FROM pg_index
    JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relname = :name AND relnamespace = to_regnamespace(quote_ident(:schema))
""")

# Sets the search path to the schema of the extension, which differs between databases: operators
# are found only through the path. Our tables are always named with their schema.
USE_VECTORS = text("""
    SELECT set_config('search_path', quote_ident(nspname), :local)
    FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
    WHERE extname = 'vector'
""")


def index_name(model: str) -> str:
    """Return the name of a model's index."""
    return f"{RUNTIME_INDEX}{TABLE}_{hashlib.sha256(model.encode()).hexdigest()[:12]}"


def quote_literal(model: str) -> str:
    """Return a model's name as an SQL literal: with a parameter, the planner ignores the index."""
    return "'" + model.replace("'", "''") + "'"


def index_engine() -> Engine:
    """Return an engine for building indexes.

    It does not use a pooler in transaction mode, which would lose the settings of the session.
    """
    settings = get_settings()
    return sync_engine(migration_url(settings), settings, poolclass=NullPool)


def is_indexed(connection: Connection, model: str) -> bool:
    """Tell whether the model's index exists and is complete."""
    return bool(connection.scalar(_VALID, {"name": index_name(model), "schema": SCHEMA}))


def ensure_index(
    engine: Engine, model: str, dimensions: int, *, seconds: int = 0, memory: str = "64MB"
) -> bool:
    """Build the model's index if it is missing; return whether it exists now.

    Args:
        engine: see `index_engine`.
        model: the name of the model.
        dimensions: the number of dimensions of its vectors.
        seconds: the time limit; 0 for none.
        memory: `maintenance_work_mem`. An index that fits into it is built many times faster.

    Raises:
        sqlalchemy.exc.OperationalError: the time limit was exceeded.
    """
    name = index_name(model)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if is_indexed(connection, model):
            return True
        # Another process may be building it. Waiting for it here would block that build.
        locked = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
        if not connection.scalar(locked, {"name": f"{SCHEMA}.{name}"}):
            return False
        connection.execute(USE_VECTORS, {"local": False})
        connection.execute(text(f"SET statement_timeout = '{seconds}s'"))
        connection.execute(text(f"SET maintenance_work_mem = '{memory}'"))
        # A build that failed leaves an invalid index with this name.
        connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {SCHEMA}.{name}"))
        connection.exec_driver_sql(
            f"CREATE INDEX CONCURRENTLY {name} ON {SCHEMA}.{TABLE}"
            f" USING hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops)"
            f" WHERE model = {quote_literal(model)}"
        )
    # Closing the connection releases the lock and discards its settings.
    return True


def drop_index(engine: Engine, model: str) -> None:
    """Drop the model's index, if it exists."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {SCHEMA}.{index_name(model)}"))
