"""What falls by the wayside: uploads that never came, documents whose task died."""

from datetime import timedelta

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.events import emit
from app.core.logging import get_logger
from app.core.settings import load_settings
from app.core.tasks.models import UNFINISHED, TaskRecord, TaskState
from app.extensions.documents.models import Document, DocumentState
from app.extensions.documents.settings import DocumentSettings

log = get_logger(__name__)

AT_ONCE = 500  # documents in one run; the next one takes the rest


async def forget_abandoned(session: AsyncSession) -> list[str]:
    """Delete documents whose file was never completed; return the keys of what may lie in Storage.

    The address for the upload is over by then, so nothing comes after.
    """
    age = timedelta(hours=load_settings(DocumentSettings).upload_hours)
    old = (
        select(Document.id)
        .where(Document.state == DocumentState.UPLOADING, col(Document.created_at) < utcnow() - age)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    statement = (
        delete(Document).where(col(Document.id).in_(old)).returning(col(Document.object_key))
    )
    keys = list((await session.exec(statement)).scalars())
    if keys:
        log.info("uploads_forgotten", count=len(keys))
    return keys


async def end_orphans(session: AsyncSession) -> None:
    """End documents that are being processed by a task which is not there any more.

    A task that was given up, because it failed too often or killed its worker each time, could not
    say so itself.
    """
    statement = (
        select(Document, TaskRecord.state)
        .join(TaskRecord, col(TaskRecord.id) == Document.task_id, isouter=True)
        .where(
            Document.state == DocumentState.PROCESSING,
            col(TaskRecord.id).is_(None) | col(TaskRecord.state).not_in(UNFINISHED),
        )
        # Listeners lock what is an owner's: in one order, or two sweeps wait in a circle.
        .order_by(col(Document.owner_id))
        .limit(AT_ONCE)
        .with_for_update(of=Document, skip_locked=True)
    )
    for document, ended in (await session.exec(statement)).all():
        cancelled = ended is TaskState.REVOKED
        document.state = DocumentState.CANCELLED if cancelled else DocumentState.FAILED
        document.reason = (
            "It was cancelled." if cancelled else document.reason or "It could not be processed."
        )
        log.warning("document_ended", document=str(document.id), state=document.state)
        await emit(
            session,
            "documents.failed",
            owner_id=document.owner_id,
            document_id=document.id,
            version=document.version,
        )
