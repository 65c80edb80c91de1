"""Background tasks. Each may run twice, and must have the same effect then."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.logging import get_logger
from app.core.tasks import enqueue, task
from app.extensions.organizations.service import invitations, organizations

log = get_logger(__name__)


@task()
async def purge(session: AsyncSession) -> None:
    """Remove expired invitations; enqueue the removal of each organization whose time is over.

    Each has a task of its own, so that one that cannot be removed does not stop the others.
    """
    await invitations.remove_expired(session)
    for organization_id in await organizations.due(session):
        enqueue(session, purge_one.s(organization_id=organization_id))


@task()
async def purge_one(session: AsyncSession, organization_id: UUID) -> None:
    """Remove an organization, unless it was restored meanwhile."""
    if await organizations.purge_one(session, organization_id):
        log.info("organization_purged", organization_id=str(organization_id))
