"""The events that this feature handles."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.documents.service import delete_all


async def remove(session: AsyncSession, *, organization_id: UUID) -> None:
    """Delete the documents and files of an organization that is removed."""
    await delete_all(session, organization_id)


EVENTS = {"organizations.purged": remove}
