"""Tasks of this feature. A task may run twice, with the same result."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.errors import AppError, UnavailableError
from app.core.settings import get_settings
from app.core.supabase.clients import Supabase
from app.core.supabase.storage import Storage
from app.core.tasks import CancelledError, TaskError, enqueue, task
from app.extensions.documents import cleanup
from app.extensions.documents import ingest as pipeline
from app.extensions.documents.embedding import EmbeddingError, WrongModelError
from app.extensions.documents.models import DocumentState
from app.extensions.documents.schemas import Ingested

# With the delays between them, they cover an outage of more than an hour.
TRIES = 16
# Longer than a request takes that completes an upload, and so moves a file to its key.
AFTER_REQUESTS = timedelta(minutes=10)

# Classes of SQLSTATE that no retry heals: a value, a constraint or a limit of Postgres is violated.
FINAL = ("22", "23", "54")
REFUSED = "The database does not accept the content of this document."


@task(tries=TRIES)
async def ingest(session: AsyncSession, document_id: UUID, version: int) -> Ingested:
    """Extract, split and embed a document."""
    try:
        result = await pipeline.ingest(session, document_id, version)
        # Here and not at the commit, so that the document ends if the database refuses a row.
        await session.flush()
        return result
    except CancelledError:
        await session.rollback()
        reason = "It was cancelled."
        await pipeline.end(session, document_id, version, DocumentState.CANCELLED, reason)
        raise
    except (UnavailableError, EmbeddingError, WrongModelError) as error:
        await session.rollback()
        service = "file storage" if isinstance(error, UnavailableError) else "embedding service"
        reason = f"The {service} is not available. The document is retried automatically."
        await pipeline.set_reason(session, document_id, version, reason)
        raise
    except (TaskError, AppError, DBAPIError) as error:
        if isinstance(error, DBAPIError) and not _sqlstate(error).startswith(FINAL):
            raise
        reason = REFUSED if isinstance(error, DBAPIError) else str(error)
        await session.rollback()
        await pipeline.end(session, document_id, version, DocumentState.FAILED, reason)
        if isinstance(error, TaskError):
            raise
        raise TaskError(reason) from error


@task(tries=TRIES)
async def remove_file(key: str) -> None:
    """Remove a file from Storage."""
    async with Supabase(get_settings()) as supabase:
        await Storage(supabase).delete(key)


@task()
async def sweep(session: AsyncSession) -> None:
    """Delete abandoned uploads, and end documents whose task has ended without them."""
    for key in await cleanup.delete_abandoned(session):
        enqueue(session, remove_file.s(key=key), delay=AFTER_REQUESTS)
    await cleanup.end_orphaned(session)


def _sqlstate(error: DBAPIError) -> str:
    # An error of the connection has none.
    return getattr(error.orig, "sqlstate", None) or ""
