"""The events that this feature handles."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.documents.service import delete_all


async def remove(session: AsyncSession, *, user_id: UUID) -> None:
    """Delete the documents and files of a user who is deleted."""
    await delete_all(session, user_id)


EVENTS = {"users.deleted": remove}
