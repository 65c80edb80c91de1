"""What people get who take their data with them."""

from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.features.items.models import Item
from app.features.items.schemas import ItemRead


async def export(session: AsyncSession, user_id: UUID) -> list[dict[str, Any]]:
    """Return the items of the user, oldest first."""
    mine = select(Item).where(Item.owner_id == user_id).order_by(col(Item.created_at))
    return [ItemRead.model_validate(item).model_dump() for item in await session.exec(mine)]
