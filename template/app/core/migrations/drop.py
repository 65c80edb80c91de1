"""Removes the tables and the history of a feature, whether or not its code still exists."""

from typing import NamedTuple

from sqlalchemy import Connection, text

from app.core.database.models import SCHEMA
from app.core.migrations import history
from app.core.migrations.access import qualified
from app.core.migrations.branches import CORE
from app.core.migrations.commands import scripts, translate_errors
from app.core.migrations.connections import exclusive_connection
from app.core.migrations.errors import MigrationError
from app.core.migrations.graph import ancestors, branch_by_revision

# Enum types, domains and trigger functions that nothing uses. DROP TABLE leaves those of its table
# behind, and a later CREATE TYPE of the same name would fail.
_UNUSED = text("""
    SELECT 'TYPE ' || oid::regtype FROM pg_type
    WHERE typnamespace = to_regnamespace(quote_ident(:schema)) AND typtype IN ('e', 'd')
      AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE refclassid = 'pg_type'::regclass AND refobjid IN (pg_type.oid, typarray)
          AND deptype = 'n'
      )
    UNION ALL
    SELECT 'FUNCTION ' || oid::regprocedure FROM pg_proc
    WHERE pronamespace = to_regnamespace(quote_ident(:schema)) AND prorettype = 'trigger'::regtype
      AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE refclassid = 'pg_proc'::regclass AND refobjid = pg_proc.oid AND deptype = 'n'
      )
""")


class Remains(NamedTuple):
    """What the database contains of a feature: names of tables, and ids of revisions."""

    tables: list[str]
    revisions: list[str]


def remains(connection: Connection, feature: str) -> Remains:
    """List what `drop` would remove.

    Raises:
        MigrationError: it is core, the database contains nothing of it, or applied migrations of
            other features depend on it.
    """
    if feature == CORE:
        raise MigrationError("All features need 'core': use `app db reset` to start again.")
    entries = history.entries(connection)
    revisions = [entry.revision for entry in entries if entry.branch == feature]
    owners = history.table_branches(connection)
    tables = sorted(table for table, owner in owners.items() if owner == feature)
    if not tables and not revisions:
        others = ", ".join(sorted({entry.branch for entry in entries} - {CORE}))
        raise MigrationError(
            f"The database contains nothing of '{feature}'; it contains: {others or 'nothing'}."
        )
    directory = scripts()
    branches = branch_by_revision(directory)
    dependents = [
        f"{entry.revision} ({entry.branch})"
        for entry in entries
        if entry.branch != feature
        and entry.revision in branches
        and feature in {branches[r] for r in ancestors(directory, [entry.revision])}
    ]
    if dependents:
        raise MigrationError(
            f"'{feature}' cannot be removed: these migrations depend on it: "
            f"{', '.join(dependents)}. Remove their features first."
        )
    return Remains(tables, revisions)


def drop(feature: str) -> Remains:
    """Remove a feature's tables with all rows and its history; return what was removed.

    Enum types, domains and trigger functions that only these tables used are removed too.

    Raises:
        MigrationError: see `remains`; or another table or view depends on one of these. Nothing is
            removed then.
    """
    with translate_errors(), exclusive_connection() as connection, connection.begin():
        history.restore(connection, scripts())
        found = remains(connection, feature)
        unused = set(connection.scalars(_UNUSED, {"schema": SCHEMA}))
        if found.tables:
            names = ", ".join(qualified(connection, table) for table in found.tables)
            connection.execute(text(f"DROP TABLE {names}"))
        while gone := set(connection.scalars(_UNUSED, {"schema": SCHEMA})) - unused:
            for name in gone:
                connection.execute(text(f"DROP {name}"))
        table = history.HISTORY_TABLE
        connection.execute(table.delete().where(table.c.branch == feature))
        history.restore(connection, scripts())
        return found
