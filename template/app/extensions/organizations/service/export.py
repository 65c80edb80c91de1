"""Everything that belongs to an organization, as one JSON document."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Text,
    cast,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)

from app.core.database import Database, Reader
from app.core.database.models import metadata
from app.extensions.organizations.models import Organization
from app.extensions.organizations.service import roles
from app.extensions.organizations.service.scope import Scope

ROWS = 500  # read at once
EXPORTED, JSON = "exported", "exported_row"  # names in the statement


async def document(database: Database, scope: Scope) -> AsyncIterator[str]:
    """Yield the parts of a JSON object: table -> its rows of the organization.

    It has the tables of all features with a column `organization_id`, without the columns that are
    marked as not exported. Postgres writes the values: ids and times are texts. A connection is
    held only while rows are read, and not while a slow client takes them.

    Raises:
        ForbiddenError: the caller is no owner.
    """
    scope.require(roles.OWNER)
    for place, table in enumerate((_organizations(), *scoped_tables())):
        yield f"{', ' if place else '{'}{json.dumps(table.name)}: ["
        separator = ""
        async for rows in _batches(database.reader, table, scope):
            yield separator + ", ".join(rows)
            separator = ", "
        yield "]"
    yield "}"


async def _batches(reader: Reader, table: Table, scope: Scope) -> AsyncIterator[list[str]]:
    """Yield the rows of a table as JSON, in the order of their keys."""
    rows = await reader.rows(_rows(table, scope))
    while rows:
        yield [row[JSON] for row in rows]
        rows = await reader.rows(_rows(table, scope, after=rows[-1]))


def scoped_tables() -> list[Table]:
    """Return the tables whose rows belong to an organization, of all features."""
    return [table for table in metadata.sorted_tables if "organization_id" in table.columns]


def _organizations() -> Table:
    return metadata.tables[f"{metadata.schema}.{Organization.__tablename__}"]


def _key(table: Table) -> ColumnElement[UUID]:
    return table.c.id if table is _organizations() else table.c.organization_id


def _rows(table: Table, scope: Scope, after: Mapping[str, Any] | None = None) -> Select[Any]:
    columns = [
        each for each in table.columns if each.primary_key or each.info.get("exported", True)
    ]
    exported = select(*columns).where(_key(table) == scope.organization_id).subquery(EXPORTED)
    keys = [exported.c[each.name] for each in table.primary_key]
    as_json = cast(func.row_to_json(literal_column(EXPORTED)), Text).label(JSON)
    rows = select(*keys, as_json).order_by(*keys).limit(ROWS)
    if after:
        last = (literal(after[each.name], each.type) for each in keys)
        rows = rows.where(tuple_(*keys) > tuple_(*last))
    return rows
