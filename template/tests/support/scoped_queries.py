"""Refuses queries on tables of organizations that do not say for which organization they are.

A scoped table has a column `organization_id`. A query on it compares this column, or has the
execution option `all_organizations`. The tables of the option itself are left out: they are also
read by user and by token.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import BinaryExpression, ClauseElement, Column, Executable, Table, TextClause, event
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.util import find_tables

from app.core.database import Reader
from app.core.database.models import metadata
from app.core.features import load_models
from app.core.migrations.branches import table_owners

COLUMN = "organization_id"
OPTION = "all_organizations"


class UnscopedQueryError(AssertionError):
    """A query on a scoped table names no organization."""


def scoped_tables() -> list[Table]:
    """Tables of other features whose rows belong to an organization; a parent before its rows."""
    load_models()
    owners = table_owners()
    return [
        table
        for table in metadata.sorted_tables
        if COLUMN in table.columns and owners.get(table.name) != "organizations"
    ]


def check(statement: Executable, tables: list[Table]) -> None:
    """Check a statement for these tables.

    Raises:
        UnscopedQueryError: see the module.
    """
    if statement.get_execution_options().get(OPTION):
        return
    for table in _unscoped(statement, tables):
        raise UnscopedQueryError(
            f"This query on {table} compares no {COLUMN}. Compare it with that of the scope, or "
            f"set the execution option {OPTION}.\n{statement}"
        )


@contextmanager
def refuse_unscoped() -> Iterator[None]:
    """Check every query of sessions and readers meanwhile.

    What a session writes for a changed object is not checked: a query has read the object before.
    """
    rows, tables = Reader.rows, scoped_tables()

    async def checked(
        reader: Reader, statement: Executable, values: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        check(statement, tables)
        return await rows(reader, statement, values)

    def check_state(state: ORMExecuteState) -> None:
        if not (state.is_insert or state.is_column_load or state.execution_options.get(OPTION)):
            check(state.statement, tables)

    event.listen(Session, "do_orm_execute", check_state)
    try:
        with patch.object(Reader, "rows", checked):
            yield
    finally:
        event.remove(Session, "do_orm_execute", check_state)


def _unscoped(statement: Executable, tables: list[Table]) -> Iterator[str]:
    if isinstance(statement, TextClause):
        words = set(re.findall(r"\w+", statement.text))
        yield from (t.name for t in tables if t.name in words and COLUMN not in words)
        return
    assert isinstance(statement, ClauseElement)
    compared = _compared(statement)
    everything = {"include_joins": True, "include_selects": True, "include_crud": True}
    used = {
        table.name
        for table in find_tables(statement, include_aliases=True, **everything)
        if isinstance(table, Table)
    }
    yield from (t.name for t in tables if t.name in used and t.name not in compared)


def _compared(statement: ClauseElement) -> set[str]:
    """Names of tables whose organization is compared with a value, or with that of such a table."""
    compared: set[str] = set()
    links: list[set[str]] = []
    for each in visitors.iterate(statement):
        if isinstance(each, BinaryExpression) and each.operator in (operators.eq, operators.in_op):
            names = {_owner(each.left), _owner(each.right)} - {None}
            if len(names) == 2:
                links.append({str(name) for name in names})
            elif not (isinstance(each.left, Column) and isinstance(each.right, Column)):
                compared |= {str(name) for name in names}
    for _ in links:
        for link in links:
            if link & compared:
                compared |= link
    return compared


def _owner(operand: Any) -> str | None:
    """The table whose organization an operand is."""
    if getattr(operand, "name", None) != COLUMN:
        return None
    table = getattr(operand, "table", None)
    return getattr(getattr(table, "element", table), "name", None)
