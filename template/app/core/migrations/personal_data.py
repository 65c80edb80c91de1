"""The decisions of all features about personal data, compared with the columns of the database."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, text

from app.core.database.models import SCHEMA
from app.core.features import CORE, installed
from app.core.migrations.branches import branches
from app.core.migrations.history import HISTORY_TABLE, VERSION_TABLE, table_branches
from app.core.personal_data import Rows, Rule

# Types that need no decision, see `app.core.personal_data`.
KEPT_TYPES = ("uuid", "boolean", "timestamp with time zone")
TEXT_TYPES = ("text", "character varying")
# The shortest column that a replacement fits into. The others are not longer than the value.
LENGTHS = {Rule.EMAIL: 33, Rule.TOKEN: 16}
TYPES = {
    Rule.EMAIL: TEXT_TYPES,
    Rule.NAME: TEXT_TYPES,
    Rule.TEXT: TEXT_TYPES,
    Rule.TOKEN: (*TEXT_TYPES, "bytea"),
}

_COLUMNS = text("""
    SELECT relname, attname, format_type(atttypid, atttypmod), NOT attnotnull, attgenerated <> ''
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = to_regnamespace(quote_ident(:schema)) AND relkind IN ('r', 'p')
      AND NOT relispartition AND attnum > 0 AND NOT attisdropped
    ORDER BY relname, attnum
""")
_REFERENCES = text("""
    SELECT child.relname, own.attname, parent.relname, other.attname
    FROM pg_constraint
    JOIN pg_class child ON child.oid = conrelid
    JOIN pg_class parent ON parent.oid = confrelid
    CROSS JOIN LATERAL unnest(conkey, confkey) AS key (own, other)
    JOIN pg_attribute own ON own.attrelid = conrelid AND own.attnum = key.own
    JOIN pg_attribute other ON other.attrelid = confrelid AND other.attnum = key.other
    WHERE contype = 'f' AND child.relnamespace = to_regnamespace(quote_ident(:schema))
    ORDER BY 1, 2
""")


class Column(NamedTuple):
    """A column in the database."""

    table: str
    name: str
    type: str
    nullable: bool
    generated: bool


def decisions() -> dict[str, Rows]:
    """Return the decisions of core and of all features in the code, by table.

    Raises:
        FeatureError: a `personal_data.py` cannot be imported.
    """
    found = {
        VERSION_TABLE.name: Rows(keep=["version_num"]),
        HISTORY_TABLE.name: Rows(keep=["revision", "branch", "tables"]),
    }
    for feature in (CORE, *installed()):
        module = feature.module("personal_data")
        found |= getattr(module, "TABLES", {})
    return found


def columns(connection: Connection) -> list[Column]:
    """Return the columns of the tables that the code knows.

    Tables of features that are switched off, and of other programs, are left out.
    """
    known = {table for table, owner in table_branches(connection).items() if owner in branches()}
    known |= {VERSION_TABLE.name, HISTORY_TABLE.name}
    rows = connection.execute(_COLUMNS, {"schema": SCHEMA})
    return [Column(*row) for row in rows if row[0] in known]


def undecided(connection: Connection) -> list[str]:
    """Return a sentence for each column without a valid decision: none if all is decided."""
    found, tables = columns(connection), decisions()
    return [
        *(problem for column in found for problem in _problems(column, tables.get(column.table))),
        *_unknown(found, tables),
        *_references(connection, found, tables),
    ]


def _problems(column: Column, rows: Rows | None) -> Iterator[str]:
    place = f"{column.table}.{column.name}"
    kind, _, length = column.type.partition("(")
    if rows is None:
        yield f"{place}: no `personal_data.py` has the table {column.table}."
        return
    if rows.omit or column.generated:
        return
    rule = rows.replace.get(column.name)
    if rule is None:
        if column.name not in rows.keep and kind not in KEPT_TYPES:
            yield f"{place}: no decision. Say in `personal_data.py` how it is replaced, or keep it."
        return
    if column.name in rows.keep:
        yield f"{place}: both kept and replaced."
    if rule is Rule.EMPTY:
        if not (column.nullable or kind in ("jsonb", "json", *TEXT_TYPES)):
            yield f"{place}: a column {column.type} without NULL cannot be empty."
    elif kind not in TYPES[rule]:
        yield f"{place}: the rule {rule} does not fit the type {column.type}."
    elif length and int(length.rstrip(")")) < LENGTHS.get(rule, 0):
        yield f"{place}: the rule {rule} needs {LENGTHS[rule]} characters."


def _unknown(found: list[Column], tables: dict[str, Rows]) -> Iterator[str]:
    known: dict[str, set[str]] = {}
    for column in found:
        known.setdefault(column.table, set()).add(column.name)
    for table, rows in tables.items():
        if table not in known:
            yield f"{table}: a `personal_data.py` has this table, the database has not."
            continue
        for name in sorted({*rows.replace, *rows.keep} - known[table]):
            yield f"{table}.{name}: `personal_data.py` has this column, the table has not."


def _references(
    connection: Connection, found: list[Column], tables: dict[str, Rows]
) -> Iterator[str]:
    """Check that a row refers to one that is in the dump, too."""
    known = {column.table for column in found}
    for child, own, parent, other in connection.execute(_REFERENCES, {"schema": SCHEMA}):
        if not {child, parent} <= known or tables.get(child, Rows(omit=True)).omit:
            continue
        rule, target = tables[child].replace.get(own), tables.get(parent, Rows())
        if rule is Rule.EMPTY:
            continue
        if target.omit:
            yield f"{child}.{own}: it refers to {parent}, whose rows are left out: empty it."
        elif rule is not target.replace.get(other):
            yield f"{child}.{own}: it needs the same rule as {parent}.{other}."
