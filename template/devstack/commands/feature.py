"""`app feature scope NAME organization` moves a feature of users to organizations.

It writes a migration for each table, changes `models.py` if that is safe, and lists the lines of
the feature that still know owners. The migration is made from the indexes and policies in the
database.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal, NamedTuple

import typer
from sqlalchemy import Connection, Table, text

from app.core.cli.errors import CliError
from app.core.cli.feature import cli
from app.core.database.models import SCHEMA, metadata
from app.core.features import Feature, installed
from app.core.migrations import commands
from app.core.migrations.branches import table_owners
from app.core.migrations.connections import migration_engine
from devstack import migrations
from devstack.formatting import tidy

MIGRATION = Path(__file__).with_name("feature_scope.py.txt")
BY_HAND = "see `Move an existing feature` in docs/organizations.md"
OLD, NEW = "owner_id", "organization_id"
MAX_NAME = 63  # bytes, of Postgres

OLD_FIELD = '    owner_id: UUID = Field(foreign_key=f"{SCHEMA}.users.id", ondelete="CASCADE")\n'
NEW_FIELDS = """\
    organization_id: UUID = Field(foreign_key=f"{SCHEMA}.organizations.id", ondelete="CASCADE")
    # The user who created the row.
    owner_id: UUID | None = Field(
        default=None, foreign_key=f"{SCHEMA}.users.id", ondelete="SET NULL"
    )
"""
# Lines that may have to name the organization instead.
OF_OWNERS = re.compile(rf"\b({OLD}|CurrentUser|user\.id|UserSession)\b|^USES = ")

_INDEXES = text("""
    SELECT pg_class.relname, indisunique, contype IS NOT NULL, pg_get_indexdef(indexrelid)
    FROM pg_index
    JOIN pg_class ON pg_class.oid = indexrelid
    LEFT JOIN pg_constraint ON conindid = indexrelid AND contype IN ('u', 'x')
    WHERE indrelid = to_regclass(:table) AND NOT indisprimary
    ORDER BY pg_class.relname
""")
_POLICIES = text("""
    SELECT policyname, permissive, cmd, array_to_string(roles, ', '), qual, with_check
    FROM pg_policies
    WHERE schemaname = :schema AND tablename = :table
    ORDER BY policyname
""")
_OWNER_KEY = text("""
    SELECT conname FROM pg_constraint
    WHERE conrelid = to_regclass(:table) AND contype = 'f'
      AND conkey = ARRAY[(SELECT attnum FROM pg_attribute
                          WHERE attrelid = to_regclass(:table) AND attname = :column)]
""")

Kind = Literal["index", "unique", "constraint"]


class Index(NamedTuple):
    """An index before and after the move. The columns are what follows USING in SQL."""

    kind: Kind
    old_name: str
    old_columns: str
    new_name: str
    new_columns: str


@dataclass(frozen=True)
class Move:
    """What the migration of one table needs to know."""

    table: str
    key: str
    owner_fk: str
    indexes: list[Index]
    policies: list[tuple[str, str]]
    left: list[str]  # indexes that stay as they are


@cli.command("scope")
def scope_command(
    name: Annotated[str, typer.Argument(help="A feature of yours, whose rows belong to users.")],
    scope: Annotated[str, typer.Argument(help="Whom the rows belong to then: organization.")],
) -> None:
    """Write the migration that gives the rows of users to organizations."""
    if scope != "organization":
        raise CliError(f"Rows cannot be moved to the scope '{scope}': use organization.")
    feature = _feature(name)
    tables = movable_tables(name)
    _refuse_uncommitted(feature.path)
    if commands.drift(name):
        raise CliError(
            f"The models of '{name}' and its tables differ: run "
            f'`uv run app db migrate --feature {name} -m "…"` and `uv run app db upgrade` first.'
        )
    with migration_engine().connect() as connection:
        moves = [inspect(connection, table) for table in tables]
    for move in moves:
        print(f"Wrote {write(name, move)}")
    models = feature.path / "models.py"
    if change_models(models, moves):
        print(f"Changed {_shown(models)}")
    else:
        print(f"Change {_shown(models)} by hand: {BY_HAND}")
    _print_steps(feature, moves)


def movable_tables(name: str) -> list[Table]:
    """Return the tables of a feature.

    Raises:
        CliError: it has none, or one of them cannot be moved.
    """
    owners = table_owners()
    tables = [table for table in metadata.sorted_tables if owners.get(table.name) == name]
    if not tables:
        raise CliError(f"The feature '{name}' has no table: there is nothing to move.")
    for table in tables:
        if NEW in table.columns:
            raise CliError(f"The rows of {table.name} belong to organizations already.")
        owner = table.columns.get(OLD)
        refers = owner is not None and {key.target_fullname for key in owner.foreign_keys} == {
            f"{SCHEMA}.users.id"
        }
        if owner is None or owner.nullable or not refers:
            raise CliError(
                f"The table {table.name} has no column {OLD} that always names a user, so nothing "
                f"says whose its rows are: move '{name}' by hand, {BY_HAND}."
            )
        if len(table.primary_key) != 1:
            raise CliError(
                f"The key of {table.name} has several columns: move '{name}' by hand, {BY_HAND}."
            )
    return tables


def inspect(connection: Connection, table: Table) -> Move:
    """Read the indexes and policies of a table from the database."""
    place = {"table": f"{SCHEMA}.{table.name}"}
    indexes, left = [], []
    for name, unique, constraint, definition in connection.execute(_INDEXES, place):
        columns = definition.partition(" USING ")[2]
        moved = _moved_columns(columns)
        if moved is None:
            left.append(name)
            continue
        kind: Kind = "constraint" if constraint else "unique" if unique else "index"
        indexes.append(Index(kind, name, columns, _moved_name(name, table.name), moved))
    policies = [
        (name, _definition(*rest))
        for name, *rest in connection.execute(_POLICIES, {"schema": SCHEMA, "table": table.name})
    ]
    (key,) = table.primary_key
    owner_fk = connection.scalar(_OWNER_KEY, {**place, "column": OLD})
    return Move(table.name, key.name, str(owner_fk), indexes, policies, left)


def _moved_columns(columns: str) -> str | None:
    """Let an index start with the organization; None for one that cannot, such as a GIN index."""
    start = "btree ("
    if not columns.startswith(start):
        return None
    if re.match(rf"btree \({OLD}\b", columns):
        return columns.replace(OLD, NEW, 1)
    return columns.replace(start, f"{start}{NEW}, ", 1)


def _moved_name(name: str, table: str) -> str:
    if OLD in name:
        return name.replace(OLD, NEW)[:MAX_NAME]
    kind, separator, rest = name.partition(f"_{table}_")
    moved = f"{kind}{separator}{NEW}_{rest}" if separator else f"{name}_{NEW}"
    return moved[:MAX_NAME]


def _definition(
    permissive: str, command: str, roles: str, using: str | None, check: str | None
) -> str:
    """Return what follows the table in CREATE POLICY."""
    definition = f"AS {permissive} FOR {command} TO {roles}"
    definition += f" USING ({using})" if using else ""
    return definition + (f" WITH CHECK ({check})" if check else "")


def write(name: str, move: Move) -> Path:
    """Write the migration of a table and return its file.

    Raises:
        MigrationError: see `devstack.migrations.write`.
    """
    path = migrations.write(name, f"Move {move.table} to organizations", empty=True)
    assert path is not None
    empty = path.read_text("utf-8")
    revision, revises = (
        re.search(rf'^{line} = "(\w+)"$', empty, re.MULTILINE)
        for line in ("revision", "down_revision")
    )
    assert revision
    assert revises
    words: dict[str, Any] = {
        "table": move.table,
        "key": move.key,
        "owner_fk": move.owner_fk,
        "organization_fk": f"fk_{move.table}_{NEW}_organizations",
        "revision": revision[1],
        "revises": revises[1],
        "indexes": repr([tuple(index) for index in move.indexes]),
        "policies": repr(move.policies),
    }
    path.write_text(Template(MIGRATION.read_text("utf-8")).substitute(words), "utf-8")
    tidy(path)
    return path


def change_models(path: Path, moves: list[Move]) -> bool:
    """Change the columns and indexes in `models.py`, and return whether that was possible.

    The file changes only if it has the lines that `app feature new` writes, and every index starts
    with the owner: others say more than a replacement of words could keep.
    """
    code = path.read_text("utf-8")
    names = [index.old_name for move in moves for index in move.indexes]
    simple = all(
        index.new_columns == index.old_columns.replace(OLD, NEW, 1)
        for move in moves
        for index in move.indexes
    )
    known = code.count(OLD_FIELD) == len(moves) and all(f'"{name}"' in code for name in names)
    if not simple or not known:
        return False
    code = code.replace(f'"{OLD}"', f'"{NEW}"')
    for move in moves:
        for index in move.indexes:
            code = code.replace(f'"{index.old_name}"', f'"{index.new_name}"')
    path.write_text(code.replace(OLD_FIELD, NEW_FIELDS), "utf-8")
    tidy(path)
    return True


def _feature(name: str) -> Feature:
    """Return a feature of the team."""
    own = {each.name: each for each in installed() if each.package.startswith("app.features.")}
    if name not in own:
        raise CliError(
            f"There is no feature '{name}' in app/features; there are: {', '.join(own)}."
        )
    return own[name]


def _refuse_uncommitted(folder: Path) -> None:
    """The command changes files: what is not committed could not be told from that."""
    git = ["git", "status", "--porcelain", "--untracked-files=all", "--", str(folder)]
    done = subprocess.run(git, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode == 0 and done.stdout.strip():
        raise CliError(f"{_shown(folder)} has changes that are not committed: commit them first.")


def _print_steps(feature: Feature, moves: list[Move]) -> None:
    """Say what is left to do."""
    for move in moves:
        for name in move.left:
            print(f"The index {name} stays as it is: it cannot start with {NEW}.")
    print(f"\nNext, give these lines the organization instead of the owner; {BY_HAND}:")
    for path in sorted(feature.path.glob("*.py")):
        if path.name == "models.py":
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if OF_OWNERS.search(line):
                print(f"  {_shown(path)}:{number}: {line.strip()}")
    print("\nThen:\n  uv run app db upgrade\n  uv run app db check\n  uv run pytest tests")


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
