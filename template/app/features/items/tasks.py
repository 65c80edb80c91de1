"""Work for the workers. Each task may run twice: what it does must be the same then."""

from uuid import UUID

from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.logging import get_logger
from app.core.tasks import task
from app.features.items import service
from app.features.items.schemas import Completed

log = get_logger(__name__)


@task()
async def complete_all(session: AsyncSession, owner_id: UUID) -> Completed:
    """Mark all items of a user as done; the result says how many were not."""
    return Completed(completed=await service.complete_all(session, owner_id))


@task()
def report(session: Session) -> None:
    """Log how many items wait to be done."""
    log.info("items_open", count=service.count_open(session))
