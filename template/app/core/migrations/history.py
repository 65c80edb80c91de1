"""The history of applied revisions, from which Alembic's version rows are restored.

Alembic stores only the current heads. After an option was switched off, its row names a revision
that no script defines, and the rows of the revisions that it depended on are missing. The history
stores every applied revision with its branch and the tables that it created. The version rows are
computed from it for the scripts that exist, so an option that returns continues where it was.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import TIMESTAMP, Column, Connection, MetaData, Table, Text, func, inspect
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.schema import CreateSchema

from app.core.database.models import SCHEMA
from app.core.migrations.access import secure, unprotected
from app.core.migrations.branches import table_owners
from app.core.migrations.graph import ancestors, branch_by_revision, effective_heads

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

# Not part of the models' metadata: `restore` creates these tables, no migration does.
_metadata = MetaData(schema=SCHEMA)
# The same as Alembic's own table, but without the limit of 32 characters for a revision.
VERSION_TABLE = Table("alembic_version", _metadata, Column("version_num", Text, primary_key=True))
HISTORY_TABLE = Table(
    "alembic_log",
    _metadata,
    Column("revision", Text, primary_key=True),
    Column("branch", Text, nullable=False),
    Column("tables", ARRAY(Text), nullable=False),
    # Not `now()`: revisions of one transaction keep their order.
    Column(
        "applied_at",
        TIMESTAMP(timezone=True),
        nullable=False,
        server_default=func.clock_timestamp(),
    ),
)
_OWN_TABLES = {VERSION_TABLE.name, HISTORY_TABLE.name}

# Branch of a version row that no script defines when a database is adopted.
UNKNOWN = "unknown"


class Entry(NamedTuple):
    """One applied revision. `tables` are those that it created; some may be dropped since."""

    revision: str
    branch: str
    tables: list[str]
    applied_at: datetime


def entries(connection: Connection) -> list[Entry]:
    """Return every applied revision, oldest first; none before the first migration."""
    if not inspect(connection).has_table(HISTORY_TABLE.name, SCHEMA):
        return []
    query = HISTORY_TABLE.select().order_by(HISTORY_TABLE.c.applied_at, HISTORY_TABLE.c.revision)
    return [Entry(*row) for row in connection.execute(query)]


def restore(connection: Connection, scripts: "ScriptDirectory") -> None:
    """Set the version rows to what the history says for the scripts that exist.

    Creates the schema and both tables if they are missing. A database with version rows and no
    history is adopted: its history starts with these revisions and their ancestors.
    """
    _create_tables(connection)
    known = branch_by_revision(scripts).keys()
    rows = set(connection.scalars(VERSION_TABLE.select()))
    if not entries(connection):
        record(connection, scripts, rows & known, ran=None)
        _add(connection, dict.fromkeys(rows - known, UNKNOWN), {})
    recorded = {entry.revision for entry in entries(connection)} & known
    # The tables of a feature may have been dropped while a feature that depends on it was switched
    # off: without its dependency, a revision does not count as applied.
    applied = {each for each in recorded if ancestors(scripts, [each]) <= recorded}
    if recorded != applied:
        forgotten = HISTORY_TABLE.c.revision.in_(recorded - applied)
        connection.execute(HISTORY_TABLE.delete().where(forgotten))
    heads = effective_heads(scripts, applied)
    if rows != heads:
        connection.execute(VERSION_TABLE.delete())
        if heads:
            connection.execute(VERSION_TABLE.insert(), [{"version_num": head} for head in heads])


def record(
    connection: Connection, scripts: "ScriptDirectory", heads: Iterable[str], *, ran: str | None
) -> None:
    """Make the history contain `heads`, their ancestors and no other revision that has a script.

    `ran` is the revision whose upgrade has just run: it owns the new tables that have no model.
    Without it, as after a stamp, only the models decide who owns a table.
    """
    branches = branch_by_revision(scripts)
    applied = ancestors(scripts, heads)
    recorded = {entry.revision for entry in entries(connection)}
    undone = recorded & branches.keys() - applied
    if undone:
        connection.execute(HISTORY_TABLE.delete().where(HISTORY_TABLE.c.revision.in_(undone)))
    added = {r: branch for r, branch in branches.items() if r in applied - recorded}
    if not added:
        return
    claimed = {table for entry in entries(connection) for table in entry.tables} | _OWN_TABLES
    owners = table_owners()
    last_of_branch = {branch: revision for revision, branch in added.items()}
    tables: dict[str, list[str]] = {}
    for table in sorted(set(inspect(connection).get_table_names(SCHEMA)) - claimed):
        branch = owners.get(table) or added.get(ran or "")
        if branch in last_of_branch:
            tables.setdefault(last_of_branch[branch], []).append(table)
    _add(connection, added, tables)


def table_branches(connection: Connection) -> dict[str, str]:
    """Return the branch of each table that exists: by its model or, without one, by the history.

    Tables of removed features are included, those of other programs are not.
    """
    recorded = {table: entry.branch for entry in entries(connection) for table in entry.tables}
    owners = recorded | table_owners()
    existing = inspect(connection).get_table_names(SCHEMA)
    return {table: owners[table] for table in existing if table in owners}


def _create_tables(connection: Connection) -> None:
    # CREATE SCHEMA IF NOT EXISTS requires the right to create schemas even if the schema exists.
    if not inspect(connection).has_schema(SCHEMA):
        connection.execute(CreateSchema(SCHEMA))
    _metadata.create_all(connection)
    for table in _OWN_TABLES.intersection(unprotected(connection)):
        secure(connection, table)


def _add(connection: Connection, branches: dict[str, str], tables: dict[str, list[str]]) -> None:
    if branches:
        connection.execute(
            HISTORY_TABLE.insert(),
            [
                {"revision": revision, "branch": branch, "tables": tables.get(revision, [])}
                for revision, branch in branches.items()
            ],
        )
