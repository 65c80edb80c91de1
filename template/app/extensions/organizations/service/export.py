"""Everything that belongs to an organization, as one JSON document."""

import json
from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy import ColumnElement, Table, Text, cast, func, literal_column, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import metadata
from app.extensions.organizations.models import Organization
from app.extensions.organizations.service import roles
from app.extensions.organizations.service.scope import Scope

ROWS = 500  # read at once


async def document(session: AsyncSession, scope: Scope) -> AsyncIterator[str]:
    """Yield the parts of a JSON object: table -> its rows of the organization.

    It has the tables of all features with a column `organization_id`, without the columns that are
    marked as not exported. Postgres writes the values: ids and times are texts.

    Raises:
        ForbiddenError: the caller is no owner.
    """
    scope.require(roles.OWNER)
    yield "{"
    for place, table in enumerate((_organizations(), *scoped_tables())):
        yield f"{', ' if place else ''}{json.dumps(table.name)}: ["
        columns = [each for each in table.columns if each.info.get("exported", True)]
        inner = select(*columns).where(_key(table) == scope.organization_id)
        rows = inner.order_by(*table.primary_key.columns).subquery("exported")
        as_json = select(cast(func.row_to_json(literal_column("exported")), Text))
        result = await session.stream_scalars(
            as_json.select_from(rows), execution_options={"yield_per": ROWS}
        )
        first = True
        async for row in result:
            yield row if first else f", {row}"
            first = False
        yield "]"
    yield "}"


def scoped_tables() -> list[Table]:
    """Return the tables whose rows belong to an organization, of all features."""
    return [table for table in metadata.sorted_tables if "organization_id" in table.columns]


def _organizations() -> Table:
    return metadata.tables[f"{metadata.schema}.{Organization.__tablename__}"]


def _key(table: Table) -> ColumnElement[UUID]:
    return table.c.id if table is _organizations() else table.c.organization_id
