"""Background tasks. Each may run twice, and must have the same effect then."""

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.logging import get_logger
from app.core.tasks import enqueue, task
from app.extensions.organizations.service import organizations

log = get_logger(__name__)


@task()
async def purge(session: AsyncSession) -> None:
    """Remove one organization that was deleted long enough ago, then enqueue the next."""
    if organization_id := await organizations.purge_one(session):
        log.info("organization_purged", organization_id=str(organization_id))
        enqueue(session, purge.s())
