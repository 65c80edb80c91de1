"""The project's API, with routes of items and users as somebody writes them on the first day.

They use plain SQLModel in a `DatabaseSession`, without the list helper and the reader, and answer
the same bytes as the routes of the template.
"""

from typing import Annotated
from uuid import UUID

from app.core.database import DatabaseSession
from app.core.http.pagination import OffsetPage
from app.core.settings import get_settings
from app.extensions.users.deps import CurrentUser
from app.extensions.users.models import User
from app.extensions.users.schemas import UserRead
from app.features.items.models import Item
from app.features.items.schemas import ItemCreate, ItemRead
from app.main import app
from fastapi import APIRouter, HTTPException, Query
from sqlalchemy import func
from sqlmodel import col, select

router = APIRouter(prefix=get_settings().api_prefix)


@router.get("/items")
async def list_items(
    user: CurrentUser,
    session: DatabaseSession,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> OffsetPage[ItemRead]:
    """A page of the caller's items."""
    mine = select(Item).where(Item.owner_id == user.id)
    total = (await session.exec(select(func.count()).select_from(mine.subquery()))).one()
    newest = mine.order_by(col(Item.created_at).desc(), col(Item.id).desc())
    items = (await session.exec(newest.limit(limit).offset(offset))).all()
    rows = [ItemRead.model_validate(item) for item in items]
    return OffsetPage(items=rows, total=total, limit=limit, offset=offset)


@router.post("/items", status_code=201)
async def create_item(user: CurrentUser, item: ItemCreate, session: DatabaseSession) -> ItemRead:
    """Add an item for the caller."""
    row = Item(owner_id=user.id, title=item.title, notes=item.notes)
    session.add(row)
    await session.commit()
    await session.refresh(row)
    return ItemRead.model_validate(row)


@router.get("/items/{item_id}")
async def read_item(user: CurrentUser, item_id: UUID, session: DatabaseSession) -> ItemRead:
    """One item of the caller."""
    item = await session.get(Item, item_id)
    if item is None or item.owner_id != user.id:
        raise HTTPException(404)
    return ItemRead.model_validate(item)


@router.get("/users/me")
async def read_me(user: CurrentUser, session: DatabaseSession) -> UserRead:
    """The caller."""
    return UserRead.model_validate(await session.get(User, user.id))


# The first route that matches answers.
app.router.routes.clear()
app.include_router(router)
