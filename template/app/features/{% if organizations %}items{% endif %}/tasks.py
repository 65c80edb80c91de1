"""Background tasks. Each may run twice, and must have the same effect then."""

from uuid import UUID

from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.logging import get_logger
from app.core.tasks import task
from app.extensions.organizations.service.scope import in_task
from app.features.items import service

log = get_logger(__name__)


@task()
async def complete_all(session: AsyncSession, organization_id: UUID, user_id: UUID) -> int:
    """Mark all items as done; the result says how many changed."""
    scope = await in_task(session, organization_id, user_id)
    return await service.complete_all(session, scope)


@task()
def report(session: Session) -> None:
    """Log the number of unfinished items."""
    log.info("items_open", count=service.count_open(session))
