"""What people get who take their data with them."""

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.users import service
from app.extensions.users.schemas import UserRead


async def export(session: AsyncSession, user_id: UUID) -> dict[str, Any]:
    """Return the row of the user."""
    return UserRead.model_validate(await service.get(session, user_id)).model_dump()
