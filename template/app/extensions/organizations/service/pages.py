"""Pages by offset of statements that join tables, which `Listing` does not."""

from typing import Any

from sqlalchemy import Select, func, select

from app.core.database import Reader
from app.core.http.pagination import OffsetQuery


async def read(
    reader: Reader, rows: Select[*tuple[Any, ...]], query: OffsetQuery
) -> dict[str, Any]:
    """Return the members of an `OffsetPage` for the rows of a statement."""
    items = await reader.rows(rows.limit(query.limit).offset(query.offset))
    total = None
    if query.total:
        counted = select(func.count().label("total")).select_from(rows.order_by(None).subquery())
        (found,) = await reader.rows(counted)
        total = found["total"]
    return {"items": items, "total": total, "limit": query.limit, "offset": query.offset}
