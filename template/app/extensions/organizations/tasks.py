"""Background tasks. Each may run twice, and must have the same effect then."""

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.logging import get_logger
from app.core.tasks import enqueue, task
from app.extensions.organizations.service import invitations, organizations

log = get_logger(__name__)


@task()
async def purge(session: AsyncSession) -> None:
    """Remove expired invitations and one organization whose time is over; enqueue the next."""
    await invitations.remove_expired(session)
    if organization_id := await organizations.purge_one(session):
        log.info("organization_purged", organization_id=str(organization_id))
        enqueue(session, purge.s())
