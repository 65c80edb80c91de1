"""The events that this feature handles."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.organizations_api_keys.service import machine_of, rename
from app.extensions.users.service import remove_machine


async def remove_keys(session: AsyncSession, *, organization_id: UUID) -> None:
    """Remove the keys of an organization together with it."""
    await remove_machine(session, machine_of(organization_id))


EVENTS = {"organizations.purged": remove_keys, "organizations.renamed": rename}
