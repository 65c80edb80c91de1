"""A copy of the app's tables for staging, without personal data.

The file is SQL: what `pg_dump` writes of the tables, then their rows, then keys, indexes and
policies. Each value is replaced while it is read, so the file never holds the original.
"""

import hmac
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TextIO, cast

import psycopg
from psycopg import sql
from sqlalchemy import Connection, text

from app.core.cli.errors import CliError
from app.core.database.models import SCHEMA
from app.core.migrations.connections import migration_engine
from app.core.migrations.personal_data import Column, columns, decisions, undecided
from app.core.personal_data import Rows
from app.core.settings import get_settings
from devstack.anonymise import Anonymiser
from devstack.backup import DUMP_FOOTER, DUMP_HEADER, private_file, run_program

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"})
_TABLES = text("""
    SELECT relname FROM pg_class
    WHERE relnamespace = to_regnamespace(quote_ident(:schema)) AND relkind IN ('r', 'p')
""")
# Without those of tables that are left out.
_SEQUENCES = text("""
    SELECT sequencename, coalesce(last_value, start_value), last_value IS NOT NULL
    FROM pg_sequences
    WHERE schemaname = :schema AND NOT EXISTS (
        SELECT FROM pg_depend JOIN pg_class ON pg_class.oid = refobjid
        WHERE objid = to_regclass(format('%I.%I', schemaname, sequencename))
          AND deptype IN ('a', 'i') AND relname = ANY(:strangers)
    )
""")


def dump(file: Path) -> None:
    """Write the dump into a new file that only its owner can read.

    Raises:
        CliError: a column has no decision, the file exists, its folder cannot be written, or
            pg_dump fails. Then no file is left.
    """
    if file.exists():
        raise CliError(f"{file} exists. Choose another name.")
    with migration_engine().connect() as connection:
        # One snapshot for everything: a row and the row that it refers to are both in it.
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        # Fail at a policy that would hide rows.
        connection.execute(text("SET LOCAL row_security = off"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        if problems := undecided(connection):
            lines = "\n".join(f"  {problem}" for problem in problems)
            raise CliError(f"These columns may hold personal data:\n{lines}")
        with private_file(file.parent) as partial:
            with partial.open("w", encoding="utf-8", newline="\n") as out:
                _write(connection, out)
            partial.rename(file)


def _write(connection: Connection, out: TextIO) -> None:
    snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))
    found = columns(connection)
    strangers = set(connection.scalars(_TABLES, {"schema": SCHEMA})) - {c.table for c in found}
    arguments = ("--no-owner", f"--schema={SCHEMA}", f"--snapshot={snapshot}", "--encoding=UTF8")
    excluded = [f"--exclude-table={_quoted(name)}" for name in sorted(strangers)]

    def section(name: str) -> str:
        # With a snapshot, pg_dump must be in a transaction of its own, so it connects again.
        command = (*arguments, *excluded, f"--section={name}")
        return run_program("pg_dump", *command, connection=connection)

    out.write(DUMP_HEADER)
    out.write(section("pre-data"))
    key = hmac.digest(
        get_settings().secret_key.get_secret_value().encode(), b"anonymised dump", "sha256"
    )
    decided = decisions()
    for table, group in groupby(found, attrgetter("table")):
        if not decided[table].omit:
            stored = [column for column in group if not column.generated]
            _write_rows(connection, out, stored, decided[table], Anonymiser(key))
    for name, value, called in connection.execute(
        _SEQUENCES, {"schema": SCHEMA, "strangers": list(strangers)}
    ):
        place = sql.Literal(_quoted(name))
        out.write(sql.SQL("SELECT setval({}, {}, {});\n").format(place, value, called).as_string())
    out.write(section("post-data"))
    out.write(DUMP_FOOTER)


def _quoted(name: str) -> str:
    return sql.Identifier(SCHEMA, name).as_string()


def _write_rows(
    connection: Connection,
    out: TextIO,
    stored: Sequence[Column],
    rows: Rows,
    anonymiser: Anonymiser,
) -> None:
    target = sql.SQL("{} ({})").format(
        sql.Identifier(SCHEMA, stored[0].table),
        sql.SQL(", ").join(sql.Identifier(column.name) for column in stored),
    )
    out.write(f"COPY {target.as_string()} FROM stdin;\n")
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    query = sql.SQL("COPY {} TO STDOUT").format(target)
    with driver.cursor() as cursor, cursor.copy(query) as copy:
        for values in _replaced(copy.rows(), stored, rows, anonymiser):
            cells = (r"\N" if value is None else value.translate(_ESCAPES) for value in values)
            out.write("\t".join(cells) + "\n")
    out.write("\\.\n\n")


def _replaced(
    found: Iterable[tuple[str | None, ...]],
    stored: Sequence[Column],
    rows: Rows,
    anonymiser: Anonymiser,
) -> Iterator[list[str | None]]:
    replaced = [
        (place, rows.replace[column.name], column)
        for place, column in enumerate(stored)
        if column.name in rows.replace
    ]
    for row in found:
        values = list(row)
        for place, rule, column in replaced:
            value = values[place]
            if value is not None:
                kind = column.type.partition("(")[0]
                values[place] = anonymiser.replace(rule, value, kind, nullable=column.nullable)
        yield values
