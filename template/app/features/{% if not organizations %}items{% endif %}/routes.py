"""`/items`: the items of the caller."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.core.database import DatabaseReader, DatabaseSession
from app.core.http.pagination import OffsetPage
from app.core.http.schemas import TaskAccepted
from app.core.tasks import enqueue
from app.extensions.users.deps import CurrentUser
from app.features.items import service
from app.features.items.schemas import ItemCreate, ItemQuery, ItemRead, ItemUpdate
from app.features.items.tasks import complete_all

router = APIRouter()


@router.get("", summary="List my items")
async def list_items(
    user: CurrentUser, query: Annotated[ItemQuery, Query()], reader: DatabaseReader
) -> OffsetPage[ItemRead]:
    """A page of the caller's items."""
    return await service.ITEMS.page(reader, query, owner_id=user.id)


@router.post("", status_code=201, summary="Add an item")
async def create_item(user: CurrentUser, item: ItemCreate, session: DatabaseSession) -> ItemRead:
    """Add an item for the caller."""
    return await service.create_item(session, user.id, item)


@router.post("/complete-all", status_code=202, summary="Mark all my items as done")
async def complete_all_items(user: CurrentUser, session: DatabaseSession) -> TaskAccepted:
    """Give the work to the workers; the answer says how to follow it."""
    task_id = enqueue(session, complete_all.s(owner_id=user.id))
    await session.commit()
    return TaskAccepted(task_id=task_id)


@router.get("/{item_id}", summary="Read an item")
async def read_item(user: CurrentUser, item_id: UUID, reader: DatabaseReader) -> ItemRead:
    """One item of the caller."""
    return await service.ITEMS.get(reader, item_id, owner_id=user.id)


@router.patch("/{item_id}", summary="Change an item")
async def update_item(
    user: CurrentUser, item_id: UUID, changes: ItemUpdate, session: DatabaseSession
) -> ItemRead:
    """Change the fields that are sent; the others keep their values."""
    return ItemRead.model_validate(await service.update_item(session, user.id, item_id, changes))


@router.delete("/{item_id}", status_code=204, summary="Remove an item")
async def delete_item(user: CurrentUser, item_id: UUID, session: DatabaseSession) -> None:
    """Remove an item of the caller."""
    await service.delete_item(session, user.id, item_id)
