"""Background tasks. Each may run twice, and must have the same effect then."""

from uuid import UUID

from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.logging import get_logger
from app.core.tasks import task
from app.features.items import service

log = get_logger(__name__)


@task()
async def complete_all(session: AsyncSession, owner_id: UUID) -> int:
    """Mark all items of a user as done; the result says how many changed."""
    return await service.complete_all(session, owner_id)


@task()
def report(session: Session) -> None:
    """Log the number of unfinished items."""
    log.info("items_open", count=service.count_open(session))
