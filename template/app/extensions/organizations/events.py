"""The events that this feature handles."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.organizations.service.members import owner_excluded, refuse_last_owner
from app.extensions.organizations.service.organizations import ensure_personal, purge_personal


async def create_personal(session: AsyncSession, *, user_id: UUID) -> None:
    """Create the personal organization of a new user, in the transaction of the user."""
    await ensure_personal(session, user_id)


async def leave(session: AsyncSession, *, user_id: UUID) -> None:
    """Remove the personal organization of a user who is deleted; the others may lose an owner."""
    await purge_personal(session, user_id)
    await owner_excluded(session, user_id)


EVENTS = {
    "users.created": create_personal,
    "users.deleted": leave,
    "users.excluded": owner_excluded,
    "users.leaving": refuse_last_owner,
    "users.rejected": owner_excluded,
    "users.suspended": owner_excluded,
}
