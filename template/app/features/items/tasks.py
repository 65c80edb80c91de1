"""Work for the workers. Each task may run twice: what it does must be the same then."""

from uuid import UUID

from app.core.database import sync_session
from app.core.logging import get_logger
from app.core.tasks import celery
from app.features.items import service

log = get_logger(__name__)


@celery.task(name="items.complete_all")
def complete_all(owner_id: str) -> dict[str, int]:
    """Mark all items of a user as done; the result says how many were not."""
    with sync_session() as session:
        return {"completed": service.complete_all(session, UUID(owner_id))}


@celery.task(name="items.report", ignore_result=True)
def report() -> None:
    """Log how many items wait to be done."""
    with sync_session() as session:
        log.info("items_open", count=service.count_open(session))
