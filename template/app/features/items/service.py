"""The rules: an item is its owner's alone."""

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, Row, Text, bindparam, func, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.errors import NotFoundError
from app.core.models import utcnow
from app.features.items.models import Item
from app.features.items.schemas import ItemCreate, ItemQuery, ItemSort

_ORDERS = {
    ItemSort.NEWEST: (col(Item.created_at).desc(), col(Item.id).desc()),
    ItemSort.OLDEST: (col(Item.created_at), col(Item.id)),
    ItemSort.TITLE: (func.lower(Item.title), col(Item.id)),
}


async def list_items(
    reader: AsyncConnection, owner_id: UUID, query: ItemQuery
) -> tuple[Sequence[Row[Any]], int | None]:
    """Return a page of the owner's items, and the total unless it was declined."""
    searched, filtered = query.search is not None, query.done is not None
    values = {
        "owner_id": owner_id,
        "search": query.search,
        "done": query.done,
        "limit": query.limit,
        "offset": query.offset,
    }
    page = _page(query.sort, searched=searched, filtered=filtered)
    rows = (await reader.execute(page, values)).all()
    if not query.total:
        return rows, None
    return rows, await reader.scalar(_total(searched=searched, filtered=filtered), values)


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


def complete_all(session: Session, owner_id: UUID) -> int:
    """Mark all items of the owner as done and return how many were not. Commits."""
    statement = (
        update(Item)
        .where(col(Item.owner_id) == owner_id, col(Item.done).is_(False))
        .values(done=True, updated_at=utcnow())
    )
    result: CursorResult[Any] = session.exec(statement)
    session.commit()
    return result.rowcount


def count_open(session: Session) -> int:
    """Count the items of everybody that are not done."""
    return session.exec(select(func.count()).where(col(Item.done).is_(False))).one()


# Statements are built once for each combination of filters, with bind parameters: building one,
# and the key that SQLAlchemy caches its SQL by, costs more than running it.


@cache
def _page(sort: ItemSort, *, searched: bool, filtered: bool) -> Any:
    # On a connection instead of a session this gives rows of columns, which nobody tracks.
    statement = _filter(select(Item), searched=searched, filtered=filtered)
    return statement.order_by(*_ORDERS[sort]).limit(bindparam("limit")).offset(bindparam("offset"))


@cache
def _total(*, searched: bool, filtered: bool) -> Any:
    count = select(func.count()).select_from(Item)
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
