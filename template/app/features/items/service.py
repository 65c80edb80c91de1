"""The rules: an item is its owner's alone."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, Text, bindparam, func, update
from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Reader
from app.core.database.models import utcnow
from app.core.errors import NotFoundError
from app.features.items.models import Item
from app.features.items.schemas import ItemCreate, ItemQuery, ItemSort

_ORDERS = {
    ItemSort.NEWEST: (col(Item.created_at).desc(), col(Item.id).desc()),
    ItemSort.OLDEST: (col(Item.created_at), col(Item.id)),
    ItemSort.TITLE: (func.lower(Item.title), col(Item.id)),
}


async def list_items(
    reader: Reader, owner_id: UUID, query: ItemQuery
) -> tuple[list[dict[str, Any]], int | None]:
    """Return a page of the owner's items, and the total unless it was declined."""
    searched, filtered = query.search is not None, query.done is not None
    values = {
        "owner_id": owner_id,
        "search": query.search,
        "done": query.done,
        "limit": query.limit,
        "offset": query.offset,
    }
    page = _page(query.sort, searched=searched, filtered=filtered, counted=query.total)
    rows = await reader.rows(page, values)
    if not query.total:
        return rows, None
    # Where no row came to carry the total, the page is empty or behind the last one.
    counts = rows or await reader.rows(_total(searched=searched, filtered=filtered), values)
    return rows, counts[0]["in_all"]


async def get_item(session: AsyncSession, owner_id: UUID, item_id: UUID) -> Item:
    """Return an item.

    Raises:
        NotFoundError: there is none, or it is somebody else's: the two are not told apart.
    """
    item = await session.get(Item, item_id)
    if item is None or item.owner_id != owner_id:
        raise NotFoundError("There is no such item.", code="item_not_found")
    return item


async def create_item(session: AsyncSession, owner_id: UUID, values: ItemCreate) -> Item:
    """Add an item. Commits."""
    item = Item(owner_id=owner_id, **values.model_dump())
    session.add(item)
    await session.commit()
    return item


async def update_item(
    session: AsyncSession, owner_id: UUID, item_id: UUID, changes: dict[str, Any]
) -> Item:
    """Change an item. Commits.

    Raises:
        NotFoundError: see `get_item`.
    """
    item = await get_item(session, owner_id, item_id)
    item.sqlmodel_update(changes)
    await session.commit()
    return item


async def delete_item(session: AsyncSession, owner_id: UUID, item_id: UUID) -> None:
    """Remove an item. Commits.

    Raises:
        NotFoundError: see `get_item`.
    """
    await session.delete(await get_item(session, owner_id, item_id))
    await session.commit()


async def complete_all(session: AsyncSession, owner_id: UUID) -> int:
    """Mark all items of the owner as done and return how many were not."""
    statement = (
        update(Item)
        .where(col(Item.owner_id) == owner_id, col(Item.done).is_(False))
        .values(done=True, updated_at=utcnow())
    )
    result: CursorResult[Any] = await session.exec(statement)
    return result.rowcount


def count_open(session: Session) -> int:
    """Count the items of everybody that are not done."""
    return session.exec(select(func.count()).where(col(Item.done).is_(False))).one()


# Statements are built once for each combination of filters, with bind parameters: building one,
# and the key that SQLAlchemy caches its SQL by, costs more than running it.


@cache
def _page(sort: ItemSort, *, searched: bool, filtered: bool, counted: bool) -> Any:
    statement = _filter(select(Item), searched=searched, filtered=filtered)
    if counted:
        total = _total(searched=searched, filtered=filtered)
        statement = statement.add_columns(total.scalar_subquery().label("in_all"))
    return statement.order_by(*_ORDERS[sort]).limit(bindparam("limit")).offset(bindparam("offset"))


@cache
def _total(*, searched: bool, filtered: bool) -> Any:
    # Uncorrelated: within the page's statement it must not count the page's own row.
    count = select(func.count().label("in_all")).select_from(Item).correlate(None)
    return _filter(count, searched=searched, filtered=filtered)


def _filter(statement: Any, *, searched: bool, filtered: bool) -> Any:
    statement = statement.where(col(Item.owner_id) == bindparam("owner_id"))
    if searched:
        # Not LIKE: in what people type, % and _ are letters like any other.
        place = func.strpos(func.lower(Item.title), func.lower(bindparam("search", type_=Text)))
        statement = statement.where(place > 0)
    if filtered:
        statement = statement.where(col(Item.done) == bindparam("done"))
    return statement
