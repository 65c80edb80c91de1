"""The rules: an item belongs to an organization.

Each query compares `organization_id`. Those for all organizations say so by the execution option
`all_organizations`. The tests refuse others.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, desc, func, update
from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.errors import NotFoundError
from app.core.events import emit
from app.core.http.lists import Listing
from app.extensions.organizations.service.scope import Scope
from app.features.items.models import Item
from app.features.items.schemas import ItemCreate, ItemRead, ItemSort, ItemUpdate

ITEMS = Listing(
    Item,
    ItemRead,
    scope=Item.organization_id,
    search=[Item.title],
    filters={"done": Item.done},
    orders={
        ItemSort.NEWEST: desc(col(Item.created_at)),
        ItemSort.OLDEST: Item.created_at,
        ItemSort.TITLE: func.lower(Item.title),
    },
)


async def get_item(session: AsyncSession, scope: Scope, item_id: UUID) -> Item:
    """Return an item.

    Raises:
        NotFoundError: it does not exist, or it belongs to another organization.
    """
    statement = select(Item).where(
        col(Item.organization_id) == scope.organization_id, col(Item.id) == item_id
    )
    item = (await session.exec(statement)).one_or_none()
    if item is None:
        raise NotFoundError("There is no such item.", code="item_not_found")
    return item


async def create_item(session: AsyncSession, scope: Scope, values: ItemCreate) -> ItemRead:
    """Add an item and commit."""
    item = await ITEMS.add(session, organization_id=scope.organization_id, **values.model_dump())
    await emit(
        session,
        "items.created",
        user_id=scope.user_id,
        organization_id=scope.organization_id,
        item_id=item.id,
    )
    await session.commit()
    return item


async def update_item(
    session: AsyncSession, scope: Scope, item_id: UUID, changes: ItemUpdate
) -> Item:
    """Change an item and commit; raises what `get_item` raises."""
    item = await get_item(session, scope, item_id)
    was_done = item.done
    item.sqlmodel_update(changes.model_dump(exclude_unset=True))
    if item.done and not was_done:
        await emit(
            session,
            "items.completed",
            user_id=scope.user_id,
            organization_id=scope.organization_id,
            count=1,
        )
    await session.commit()
    return item


async def delete_item(session: AsyncSession, scope: Scope, item_id: UUID) -> None:
    """Remove an item and commit; raises what `get_item` raises."""
    await session.delete(await get_item(session, scope, item_id))
    await session.commit()


async def complete_all(session: AsyncSession, scope: Scope) -> int:
    """Mark all items as done, without a commit; return how many changed."""
    unfinished = update(Item).where(
        col(Item.organization_id) == scope.organization_id, col(Item.done).is_(False)
    )
    statement = unfinished.values(done=True, updated_at=utcnow())
    result: CursorResult[Any] = await session.exec(statement)
    if result.rowcount:
        await emit(
            session,
            "items.completed",
            user_id=scope.user_id,
            organization_id=scope.organization_id,
            count=result.rowcount,
        )
    return result.rowcount


def count_open(session: Session) -> int:
    """Count the unfinished items of all organizations."""
    statement = select(func.count()).where(col(Item.done).is_(False))
    return session.exec(statement, execution_options={"all_organizations": True}).one()
