"""The events that this feature handles."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.flags.service.changes import forget_group


async def remove_exceptions(session: AsyncSession, *, organization_id: UUID) -> None:
    """Remove the exceptions that flags make for an organization together with it."""
    await forget_group(session, organization_id)


EVENTS = {"organizations.purged": remove_exceptions}
