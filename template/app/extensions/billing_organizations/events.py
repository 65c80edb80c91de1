"""The events that this feature handles."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.billing.service.ending import end


async def end_subscription(session: AsyncSession, *, organization_id: UUID) -> None:
    """Stop paying for an organization that was deleted; who restores it subscribes again."""
    end(session, organization_id)


EVENTS = {"organizations.deleted": end_subscription}
