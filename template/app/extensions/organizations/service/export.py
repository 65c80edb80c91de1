"""Everything that belongs to an organization, as one JSON document."""

import json
from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, Text, cast, func, literal_column, select

from app.core.database import Database
from app.core.database.models import metadata
from app.extensions.organizations.models import Organization
from app.extensions.organizations.service import roles
from app.extensions.organizations.service.scope import Scope

ROWS = 500  # read at once


async def document(database: Database, scope: Scope) -> AsyncIterator[str]:
    """Yield the parts of a JSON object: table -> its rows of the organization.

    It has the tables of all features with a column `organization_id`, without the columns that are
    marked as not exported. Postgres writes the values: ids and times are texts. The session lives
    as long as the response, unlike that of a request.

    Raises:
        ForbiddenError: the caller is no owner.
    """
    scope.require(roles.OWNER)
    async with database.session() as session:
        for place, table in enumerate((_organizations(), *scoped_tables())):
            yield f"{', ' if place else '{'}{json.dumps(table.name)}: ["
            separator = ""
            result = await session.stream_scalars(
                _rows(table, scope), execution_options={"yield_per": ROWS}
            )
            async for row in result:
                yield f"{separator}{row}"
                separator = ", "
            yield "]"
    yield "}"


def scoped_tables() -> list[Table]:
    """Return the tables whose rows belong to an organization, of all features."""
    return [table for table in metadata.sorted_tables if "organization_id" in table.columns]


def _organizations() -> Table:
    return metadata.tables[f"{metadata.schema}.{Organization.__tablename__}"]


def _key(table: Table) -> ColumnElement[UUID]:
    return table.c.id if table is _organizations() else table.c.organization_id


def _rows(table: Table, scope: Scope) -> Select[str]:
    columns = [each for each in table.columns if each.info.get("exported", True)]
    rows = select(*columns).where(_key(table) == scope.organization_id)
    exported = rows.order_by(*table.primary_key.columns).subquery("exported")
    as_json = func.row_to_json(literal_column("exported"))
    return select(cast(as_json, Text)).select_from(exported)
