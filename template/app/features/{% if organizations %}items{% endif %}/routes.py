"""`/organizations/{organization}/items`: those of one organization."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.core.database import DatabaseReader, DatabaseSession
from app.core.http.pagination import OffsetPage
from app.core.http.schemas import TaskAccepted
from app.core.tasks import enqueue
from app.extensions.organizations.deps import CurrentOrganization
from app.features.items import service
from app.features.items.schemas import ItemCreate, ItemQuery, ItemRead, ItemUpdate
from app.features.items.tasks import complete_all

router = APIRouter()

# Instead of the name of the feature.
PATH = "organizations/{organization}/items"


@router.get("", summary="List items")
async def list_items(
    scope: CurrentOrganization, query: Annotated[ItemQuery, Query()], reader: DatabaseReader
) -> OffsetPage[ItemRead]:
    """A page of the items of the organization."""
    return await service.ITEMS.page(reader, query, organization_id=scope.organization_id)


@router.post("", status_code=201, summary="Add an item")
async def create_item(
    scope: CurrentOrganization, item: ItemCreate, session: DatabaseSession
) -> ItemRead:
    """Add an item to the organization."""
    return await service.create_item(session, scope, item)


@router.post("/complete-all", status_code=202, summary="Mark all items as done")
async def complete_all_items(scope: CurrentOrganization, session: DatabaseSession) -> TaskAccepted:
    """Give the work to the workers; the answer says how to follow it."""
    task_id = enqueue(
        session, complete_all.s(organization_id=scope.organization_id, user_id=scope.user_id)
    )
    await session.commit()
    return TaskAccepted(task_id=task_id)


@router.get("/{item_id}", summary="Read an item")
async def read_item(scope: CurrentOrganization, item_id: UUID, reader: DatabaseReader) -> ItemRead:
    """One item of the organization."""
    return await service.ITEMS.get(reader, item_id, organization_id=scope.organization_id)


@router.patch("/{item_id}", summary="Change an item")
async def update_item(
    scope: CurrentOrganization, item_id: UUID, changes: ItemUpdate, session: DatabaseSession
) -> ItemRead:
    """Change the fields that are sent; the others keep their values."""
    return ItemRead.model_validate(await service.update_item(session, scope, item_id, changes))


@router.delete("/{item_id}", status_code=204, summary="Remove an item")
async def delete_item(scope: CurrentOrganization, item_id: UUID, session: DatabaseSession) -> None:
    """Remove an item of the organization."""
    await service.delete_item(session, scope, item_id)
