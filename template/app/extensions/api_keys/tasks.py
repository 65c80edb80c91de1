"""Tasks of this feature. A task may run twice, also concurrently, with the same result."""

from sqlmodel import Session

from app.core.tasks import task
from app.extensions.api_keys import service


@task()
def delete_old(session: Session) -> int:
    """Delete keys that ended long ago."""
    return service.delete_old(session)
