"""The log of applied revisions, from which the version rows are restored.

Alembic keeps the heads alone, so its table cannot say what was applied once scripts are gone: an
option that is switched off leaves a row that no script knows, and takes with it the row of what it
depended on. The log holds every applied revision, with its branch and the tables it made. The
version rows follow from it for whatever scripts are there, and an option that comes back goes on
where it was.
"""

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import (
    TIMESTAMP,
    Column,
    Connection,
    MetaData,
    Table,
    Text,
    delete,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.schema import CreateSchema

from app.core.database.models import SCHEMA
from app.core.migrations.access import secure, unprotected
from app.core.migrations.branches import branch_of, table_owners
from app.core.migrations.graph import ancestors, effective_heads, ordered

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

# Not in the metadata of the models: no migration makes these two, `prepare` does.
_own = MetaData(schema=SCHEMA)
# As Alembic would make it, but for the length: a revision's name begins with its feature's.
VERSIONS = Table("alembic_version", _own, Column("version_num", Text, primary_key=True))
LOG = Table(
    "alembic_log",
    _own,
    Column("revision", Text, primary_key=True),
    Column("branch", Text, nullable=False),
    Column("tables", ARRAY(Text), nullable=False),
    Column("applied_at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
)

# Branch of a version row found at adoption that no script explains.
UNKNOWN = "unknown"


class Entry(NamedTuple):
    """One applied revision; `tables` are those that it made, some perhaps gone since."""

    revision: str
    branch: str
    tables: list[str]
    applied_at: datetime


def prepare(connection: Connection) -> None:
    """Make the schema and our two tables where they are missing, closed to the API roles."""
    inspector = inspect(connection)
    # IF NOT EXISTS would ask for the right to create schemas even where it is there.
    if not inspector.has_schema(SCHEMA):
        connection.execute(CreateSchema(SCHEMA))
    _own.create_all(connection)
    for table in {VERSIONS.name, LOG.name}.intersection(unprotected(connection)):
        secure(connection, table)


def entries(connection: Connection) -> list[Entry]:
    """Every applied revision, the oldest first; none before the first migration."""
    if not inspect(connection).has_table(LOG.name, SCHEMA):
        return []
    rows = connection.execute(
        select(LOG.c.revision, LOG.c.branch, LOG.c.tables, LOG.c.applied_at).order_by(
            LOG.c.applied_at, LOG.c.revision
        )
    )
    return [Entry(*row) for row in rows]


def applied(connection: Connection, scripts: "ScriptDirectory") -> set[str]:
    """Every applied revision; from the version rows in a database that has no log yet."""
    logged = {entry.revision for entry in entries(connection)}
    if logged or not inspect(connection).has_table(VERSIONS.name, SCHEMA):
        return logged
    rows = set(connection.scalars(select(VERSIONS.c.version_num)))
    known = {script.revision for script in ordered(scripts)}
    return ancestors(scripts, rows & known) | rows


def reconcile(connection: Connection, scripts: "ScriptDirectory") -> None:
    """Set the version rows to what the log says for the scripts that are there.

    A database that knows version rows and no log is adopted: the log begins with their ancestors.
    """
    done = applied(connection, scripts)
    known = {script.revision for script in ordered(scripts)}
    rows = set(connection.scalars(select(VERSIONS.c.version_num)))
    if done and not entries(connection):
        record(connection, scripts, rows & known, ran=None)
        if rows - known:
            connection.execute(
                insert(LOG),
                [{"revision": row, "branch": UNKNOWN, "tables": []} for row in rows - known],
            )
    heads = effective_heads(scripts, done & known)
    if rows != heads:
        connection.execute(delete(VERSIONS).where(VERSIONS.c.version_num.in_(rows - heads)))
        if heads - rows:
            connection.execute(
                insert(VERSIONS), [{"version_num": head} for head in sorted(heads - rows)]
            )


def record(
    connection: Connection, scripts: "ScriptDirectory", heads: set[str], *, ran: str | None
) -> None:
    """Make the log say that `heads` and all they imply are applied, and nothing else of ours.

    Revisions that no script knows stay. `ran` is the revision whose upgrade has just run: it owns
    the new tables that no model claims. Without one (a stamp), tables go by the models alone.
    """
    log = entries(connection)
    logged = {entry.revision for entry in log}
    done = ancestors(scripts, heads)
    order = ordered(scripts)
    undone = logged.intersection(script.revision for script in order) - done
    if undone:
        connection.execute(delete(LOG).where(LOG.c.revision.in_(undone)))
    added = {s.revision: branch_of(s) for s in order if s.revision in done - logged}
    if not added:
        return
    claimed = {table for entry in log if entry.revision not in undone for table in entry.tables}
    made: dict[str, list[str]] = {revision: [] for revision in added}
    last_of_branch = {branch: revision for revision, branch in added.items()}
    owners = table_owners()
    for table in sorted(set(inspect(connection).get_table_names(SCHEMA)) - claimed):
        owner = owners.get(table) or (added.get(ran) if ran else None)
        if owner in last_of_branch and table not in _own_names():
            made[last_of_branch[owner]].append(table)
    connection.execute(
        insert(LOG),
        [
            {"revision": revision, "branch": branch, "tables": made[revision]}
            for revision, branch in added.items()
        ],
    )


def tables_of(log: list[Entry], branch: str) -> set[str]:
    """Names of the tables that revisions of a branch have made."""
    return {table for entry in log if entry.branch == branch for table in entry.tables}


def _own_names() -> set[str]:
    return {table.name for table in _own.tables.values()}
