"""The rules: an item belongs to its owner alone."""

from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, desc, func, update
from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.errors import NotFoundError
from app.core.events import emit
from app.core.http.lists import Listing
from app.features.items.models import Item
from app.features.items.schemas import ItemCreate, ItemRead, ItemSort, ItemUpdate

ITEMS = Listing(
    Item,
    ItemRead,
    scope=Item.owner_id,
    search=[Item.title],
    filters={"done": Item.done},
    orders={
        ItemSort.NEWEST: desc(col(Item.created_at)),
        ItemSort.OLDEST: Item.created_at,
        ItemSort.TITLE: func.lower(Item.title),
    },
)


async def get_item(session: AsyncSession, owner_id: UUID, item_id: UUID) -> Item:
    """Return an item.

    Raises:
        NotFoundError: it does not exist, or it belongs to another user.
    """
    item = await session.get(Item, item_id)
    if item is None or item.owner_id != owner_id:
        raise NotFoundError("There is no such item.", code="item_not_found")
    return item


async def create_item(session: AsyncSession, owner_id: UUID, values: ItemCreate) -> ItemRead:
    """Add an item and commit."""
    item = await ITEMS.add(session, owner_id=owner_id, **values.model_dump())
    await emit(session, "items.created", user_id=owner_id, item_id=item.id)
    await session.commit()
    return item


async def update_item(
    session: AsyncSession, owner_id: UUID, item_id: UUID, changes: ItemUpdate
) -> Item:
    """Change an item and commit; raises what `get_item` raises."""
    item = await get_item(session, owner_id, item_id)
    was_done = item.done
    item.sqlmodel_update(changes.model_dump(exclude_unset=True))
    if item.done and not was_done:
        await emit(session, "items.completed", user_id=owner_id, count=1)
    await session.commit()
    return item


async def delete_item(session: AsyncSession, owner_id: UUID, item_id: UUID) -> None:
    """Remove an item and commit; raises what `get_item` raises."""
    await session.delete(await get_item(session, owner_id, item_id))
    await session.commit()


async def complete_all(session: AsyncSession, owner_id: UUID) -> int:
    """Mark the items of the owner as done, without a commit; return how many changed."""
    unfinished = update(Item).where(col(Item.owner_id) == owner_id, col(Item.done).is_(False))
    statement = unfinished.values(done=True, updated_at=utcnow())
    result: CursorResult[Any] = await session.exec(statement)
    if result.rowcount:
        await emit(session, "items.completed", user_id=owner_id, count=result.rowcount)
    return result.rowcount


def count_open(session: Session) -> int:
    """Count the unfinished items of all users."""
    return session.exec(select(func.count()).where(col(Item.done).is_(False))).one()
