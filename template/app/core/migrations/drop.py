"""Removing what a feature left in the database, whether or not its code is still there."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, TextClause, delete, inspect, text

from app.core.database.models import SCHEMA
from app.core.features import load_models
from app.core.migrations import history
from app.core.migrations.access import qualified, quoted
from app.core.migrations.branches import CORE, branch_of, table_owners
from app.core.migrations.commands import migration_engine, readable, scripts
from app.core.migrations.errors import MigrationError
from app.core.migrations.graph import ancestors, ordered
from app.core.migrations.lock import exclusive

_REFERENCES = text("""
    WITH ours AS (
        SELECT to_regclass(name) AS oid FROM unnest(CAST(:tables AS text[])) AS name
    )
    SELECT DISTINCT conrelid::regclass::text
    FROM pg_constraint
    WHERE contype = 'f'
      AND confrelid IN (SELECT oid FROM ours)
      AND conrelid NOT IN (SELECT oid FROM ours)
    ORDER BY 1
""")

# Enum types and domains do not go with the tables, and a second CREATE TYPE would fail.
_TYPES = text("""
    WITH ours AS (
        SELECT to_regclass(name) AS oid FROM unnest(CAST(:tables AS text[])) AS name
    ),
    used AS (
        SELECT attribute.atttypid AS type, relation.oid IN (SELECT oid FROM ours) AS ours
        FROM pg_attribute AS attribute
        JOIN pg_class AS relation ON relation.oid = attribute.attrelid
        WHERE relation.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
    )
    SELECT typname
    FROM pg_type
    JOIN used ON used.type IN (pg_type.oid, pg_type.typarray)
    WHERE typnamespace = to_regnamespace(:schema) AND typtype IN ('e', 'd')
    GROUP BY typname
    HAVING bool_and(ours)
    ORDER BY typname
""")

# Nor do the functions that nothing but their triggers call.
_FUNCTIONS = text("""
    SELECT proname
    FROM pg_proc
    JOIN pg_trigger ON tgfoid = pg_proc.oid
    WHERE pronamespace = to_regnamespace(:schema)
    GROUP BY proname
    HAVING bool_and(tgrelid IN (
        SELECT to_regclass(name) FROM unnest(CAST(:tables AS text[])) AS name
    ))
    ORDER BY proname
""")


class Remains(NamedTuple):
    """What the database holds of a feature: names in our schema, and ids of revisions."""

    tables: list[str]
    types: list[str]
    functions: list[str]
    revisions: list[str]


def remains(connection: Connection, feature: str) -> Remains:
    """List what `drop` would remove.

    Raises:
        MigrationError: it is core, nothing is there, or something else rests on it.
    """
    if feature == CORE:
        raise MigrationError("'core' carries everything else: start over with `app db reset`.")
    load_models()
    entries = history.entries(connection)
    revisions = [entry.revision for entry in entries if entry.branch == feature]
    mapped = {table for table, owner in table_owners().items() if owner == feature}
    existing = inspect(connection).get_table_names(SCHEMA)
    tables = sorted((history.tables_of(entries, feature) | mapped).intersection(existing))
    if not tables and not revisions:
        there = sorted({entry.branch for entry in entries} - {CORE})
        raise MigrationError(
            f"The database holds nothing of '{feature}'; it holds: {', '.join(there) or 'nothing'}."
        )
    names: dict[str, list[str] | str] = {
        "tables": [qualified(connection, table) for table in tables]
    }
    _refuse("tables", feature, connection.scalars(_REFERENCES, names).all())
    _refuse("migrations", feature, _dependents(feature, {e.revision for e in entries}))
    names["schema"] = quoted(connection, SCHEMA)
    types, functions = (list(connection.scalars(query, names)) for query in (_TYPES, _FUNCTIONS))
    return Remains(tables, types, functions, revisions)


def drop(feature: str) -> Remains:
    """Remove the feature's tables with all rows, what belongs to them alone and its revisions.

    Returns what went.

    Raises:
        MigrationError: see `remains`; or the database refuses, and then nothing is removed.
    """
    with migration_engine() as engine, exclusive(engine), engine.begin() as connection, readable():
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        history.prepare(connection)
        found = remains(connection, feature)
        for kind, gone in (
            ("TABLE", found.tables),
            ("TYPE", found.types),
            ("FUNCTION", found.functions),
        ):
            if gone:
                connection.execute(_drop(connection, kind, gone))
        connection.execute(delete(history.LOG).where(history.LOG.c.branch == feature))
        history.reconcile(connection, scripts())
        return found


def _drop(connection: Connection, kind: str, names: list[str]) -> TextClause:
    return text(f"DROP {kind} {', '.join(qualified(connection, name) for name in names)}")


def _dependents(feature: str, applied: set[str]) -> list[str]:
    """Applied revisions of other branches that imply one of the feature's."""
    directory = scripts()
    known = {script.revision: branch_of(script) for script in ordered(directory)}
    return [
        f"{revision} ({branch})"
        for revision, branch in known.items()
        if branch != feature
        and revision in applied
        and any(known[a] == feature for a in ancestors(directory, [revision]))
    ]


def _refuse(kind: str, feature: str, dependents: Sequence[str]) -> None:
    if dependents:
        raise MigrationError(
            f"'{feature}' stays: these {kind} rest on it: {', '.join(dependents)}. "
            "Remove them first."
        )
