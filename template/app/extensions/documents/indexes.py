"""An HNSW index for each model, made when its first vectors come and dropped with its last.

The length of a model's vectors is part of its index and of nothing else: a change of the model or
the length adds an index, and never breaks one. An index is built CONCURRENTLY, so that nobody who
reads or writes waits for it; until it is there, searches compare with all vectors of the owner.
"""

import hashlib

from sqlalchemy import Connection, Engine, text

from app.core.database.models import RUNTIME_INDEX, SCHEMA

TABLE = "documents_embeddings"

_VALID = text("""
    SELECT indisvalid FROM pg_index
    JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relname = :name AND relnamespace = to_regnamespace(quote_ident(:schema))
""")

# Types and operators of pgvector are found by the path alone, wherever the extension lies. All
# tables are named with their schema, so nothing else is on it.
USE_VECTORS = text("""
    SELECT set_config('search_path', quote_ident(nspname), :local)
    FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
    WHERE extname = 'vector'
""")


def index_name(model: str) -> str:
    """Name of a model's index."""
    return f"{RUNTIME_INDEX}{TABLE}_{hashlib.sha256(model.encode()).hexdigest()[:12]}"


def literal(model: str) -> str:
    """A model's name as SQL wants it: a bind would hide from the planner which index fits."""
    return "'" + model.replace("'", "''") + "'"


def is_indexed(connection: Connection, model: str) -> bool:
    """Whether the model's index is there and complete."""
    return bool(connection.scalar(_VALID, {"name": index_name(model), "schema": SCHEMA}))


def ensure_index(
    engine: Engine, model: str, dimensions: int, *, seconds: int = 0, memory: str = "64MB"
) -> bool:
    """Build the model's index if it is not there; whether it is there now.

    Args:
        engine: in session or direct mode, for what it sets must last.
        model: whose vectors.
        dimensions: their length.
        seconds: give up after that many; 0 for never.
        memory: `maintenance_work_mem`; a graph that fits into it is built many times faster.

    Raises:
        sqlalchemy.exc.OperationalError: it took longer.
    """
    name = index_name(model)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if is_indexed(connection, model):
            return True
        # Somebody else may be building it. Not waited for: the build waits for all who wait.
        locked = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
        if not connection.scalar(locked, {"name": f"{SCHEMA}.{name}"}):
            return False
        connection.execute(USE_VECTORS, {"local": False})
        connection.execute(text(f"SET statement_timeout = '{seconds}s'"))
        connection.execute(text(f"SET maintenance_work_mem = '{memory}'"))
        # What a build that broke off has left is not used, and in the way.
        connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {SCHEMA}.{name}"))
        connection.exec_driver_sql(
            f"CREATE INDEX CONCURRENTLY {name} ON {SCHEMA}.{TABLE}"
            f" USING hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops)"
            f" WHERE model = {literal(model)}"
        )
    # The connection is closed with it, and with that the lock and what was set are gone.
    return True


def drop_index(engine: Engine, model: str) -> None:
    """Drop the model's index, if there is one."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {SCHEMA}.{index_name(model)}"))
