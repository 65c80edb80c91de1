"""Everything that belongs to an organization, as one JSON document."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sqlalchemy import (
    Select,
    Text,
    cast,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)

from app.core.database import Database, Reader
from app.extensions.organizations.service import holdings, roles
from app.extensions.organizations.service.holdings import Holding
from app.extensions.organizations.service.scope import Scope

ROWS = 500  # read at once
EXPORTED, JSON = "exported", "exported_row"  # names in the statement


async def document(database: Database, scope: Scope) -> AsyncIterator[str]:
    """Yield the parts of a JSON object: table -> its rows of the organization.

    It has the tables that `holdings` knows, without the columns that are marked as not exported.
    Postgres writes the values: ids and times are texts. A connection is held only while rows are
    read, and not while a slow client takes them.

    Raises:
        ForbiddenError: the caller is no owner.
    """
    scope.require(roles.OWNER)
    for place, holding in enumerate(holdings.known()):
        yield f"{', ' if place else '{'}{json.dumps(holding.table)}: ["
        separator = ""
        async for rows in _batches(database.reader, holding, scope):
            yield separator + ", ".join(rows)
            separator = ", "
        yield "]"
    yield "}"


async def _batches(reader: Reader, holding: Holding, scope: Scope) -> AsyncIterator[list[str]]:
    """Yield the rows of a table as JSON, in the order of their keys."""
    rows = await reader.rows(_rows(holding, scope))
    while rows:
        yield [row[JSON] for row in rows]
        rows = await reader.rows(_rows(holding, scope, after=rows[-1]))


def _rows(holding: Holding, scope: Scope, after: Mapping[str, Any] | None = None) -> Select[Any]:
    table = holding.load()
    columns = [
        each
        for each in table.columns
        if each.primary_key
        or (each.name not in holding.without and each.info.get("exported", True))
    ]
    wanted = table.columns[holding.column] == holding.value(scope)
    exported = select(*columns).where(wanted).subquery(EXPORTED)
    keys = [exported.c[each.name] for each in table.primary_key]
    as_json = cast(func.row_to_json(literal_column(EXPORTED)), Text).label(JSON)
    rows = select(*keys, as_json).order_by(*keys).limit(ROWS)
    if after:
        last = (literal(after[each.name], each.type) for each in keys)
        rows = rows.where(tuple_(*keys) > tuple_(*last))
    return rows
