"""`/organizations/{organization}/items` for browsers: those of one organization."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.core.database import DatabaseReader, DatabaseSession
from app.core.http.pagination import MAX_OFFSET
from app.core.tasks import enqueue
from app.extensions.pages.addresses import address
from app.extensions.pages.forms import read_form, see_other
from app.extensions.pages.organizations import PageOrganization
from app.extensions.pages.progress import show_progress
from app.extensions.pages.rendering import page
from app.features.items import service
from app.features.items.schemas import ItemCreate, ItemQuery, ItemUpdate
from app.features.items.tasks import complete_all

router = APIRouter()

NAVIGATION = {"Items": "items:show_items"}


@router.get("/organizations/{organization}/items")
async def show_items(
    request: Request,
    scope: PageOrganization,
    reader: DatabaseReader,
    search: Annotated[str, Query(max_length=100)] = "",
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
) -> Response:
    """The list; htmx replaces its rows."""
    query = ItemQuery(search=search or None, offset=offset)
    found = await service.ITEMS.page(reader, query, organization_id=scope.organization_id)
    return page(request, "items/list.html", scope=scope, block="rows", found=found, search=search)


@router.get("/organizations/{organization}/items/new")
async def new_item(request: Request, scope: PageOrganization) -> Response:
    """The form for a new item."""
    return page(request, "items/form.html", scope=scope, item=None)


@router.post("/organizations/{organization}/items/new")
async def add_item(request: Request, scope: PageOrganization, session: DatabaseSession) -> Response:
    """Add an item."""
    form = await read_form(request, ItemCreate)
    if form.data is None:
        return page(
            request,
            "items/form.html",
            status=422,
            scope=scope,
            item=None,
            values=form.values,
            errors=form.errors,
        )
    await service.create_item(session, scope, form.data)
    return see_other(request, show_items, message="It was added.", organization=scope.slug)


@router.post("/organizations/{organization}/items/complete-all")
async def complete_items(
    request: Request, scope: PageOrganization, session: DatabaseSession
) -> Response:
    """Give the work to the workers, and show its progress."""
    task_id = enqueue(
        session, complete_all.s(organization_id=scope.organization_id, user_id=scope.user_id)
    )
    await session.commit()
    back = address(request, show_items, organization=scope.slug)
    return see_other(request, show_progress, task_id=task_id, back=back)


@router.get("/organizations/{organization}/items/{item_id}")
async def edit_item(
    request: Request, scope: PageOrganization, item_id: UUID, reader: DatabaseReader
) -> Response:
    """The form with an item."""
    item = await service.ITEMS.get(reader, item_id, organization_id=scope.organization_id)
    return page(request, "items/form.html", scope=scope, item=item, values=item.model_dump())


@router.post("/organizations/{organization}/items/{item_id}")
async def change_item(
    request: Request, scope: PageOrganization, item_id: UUID, session: DatabaseSession
) -> Response:
    """Change an item."""
    item = await service.get_item(session, scope, item_id)
    form = await read_form(request, ItemUpdate)
    if form.data is None:
        return page(
            request,
            "items/form.html",
            status=422,
            scope=scope,
            item=item,
            values=form.values,
            errors=form.errors,
        )
    await service.update_item(session, scope, item_id, form.data)
    return see_other(request, show_items, message="It was saved.", organization=scope.slug)


@router.post("/organizations/{organization}/items/{item_id}/delete")
async def remove_item(
    request: Request, scope: PageOrganization, item_id: UUID, session: DatabaseSession
) -> Response:
    """Remove an item."""
    await service.delete_item(session, scope, item_id)
    return see_other(request, show_items, message="It was removed.", organization=scope.slug)
