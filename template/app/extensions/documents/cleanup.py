"""Cleanup: abandoned uploads are deleted, documents whose task died are ended."""

from datetime import timedelta

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.logging import get_logger
from app.core.settings import load_settings
from app.core.tasks.models import UNFINISHED, TaskRecord, TaskState
from app.extensions.documents.models import Document, DocumentState
from app.extensions.documents.notify import notify
from app.extensions.documents.settings import DocumentSettings

log = get_logger(__name__)

BATCH = 500  # documents in one run; the next run continues


async def delete_abandoned(session: AsyncSession) -> list[str]:
    """Delete documents whose upload was never completed; return the keys of their files."""
    age = timedelta(hours=load_settings(DocumentSettings).upload_hours)
    old = (
        select(Document.id)
        .where(Document.state == DocumentState.UPLOADING, col(Document.created_at) < utcnow() - age)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    statement = (
        delete(Document).where(col(Document.id).in_(old)).returning(col(Document.object_key))
    )
    keys = list((await session.exec(statement)).scalars())
    if keys:
        log.info("uploads_forgotten", count=len(keys))
    return keys


async def end_orphaned(session: AsyncSession) -> None:
    """End documents that are in processing although their task has ended or does not exist.

    A task that failed too often, or that killed its worker each time, cannot end its document.
    """
    statement = (
        select(Document, TaskRecord.state)
        .join(TaskRecord, col(TaskRecord.id) == Document.task_id, isouter=True)
        .where(
            Document.state == DocumentState.PROCESSING,
            col(TaskRecord.id).is_(None) | col(TaskRecord.state).not_in(UNFINISHED),
        )
        # Event handlers lock rows of the owner. The same order prevents deadlocks between two runs.
        .order_by(col(Document.owner_id))
        .limit(BATCH)
        .with_for_update(of=Document, skip_locked=True)
    )
    for document, task_state in (await session.exec(statement)).all():
        if task_state is TaskState.REVOKED:
            document.state, document.reason = DocumentState.CANCELLED, "It was cancelled."
        else:
            document.state = DocumentState.FAILED
            document.reason = document.reason or "It could not be processed."
        log.warning("document_ended", document=str(document.id), state=document.state)
        await notify(session, "documents.failed", document)
