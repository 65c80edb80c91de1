"""The events that this feature handles: the processing of a document has ended."""

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import context
from app.extensions.documents.service import get_document, may_read
from app.extensions.documents_email.email import DocumentFailed, DocumentReady
from app.extensions.email.service import mailable, send
from app.extensions.users.service import get


async def tell_ready(
    session: AsyncSession, *, owner_id: UUID, document_id: UUID, version: int, **_: Any
) -> None:
    """Tell the owner that the document is ready."""
    document = await get_document(session, owner_id, document_id)
    if email := await _email(session, owner_id, document.user_id):
        mail = DocumentReady(to=email, name=document.name)
        await send(session, mail, key=f"documents.ready:{document_id}:{version}")


async def tell_failed(
    session: AsyncSession, *, owner_id: UUID, document_id: UUID, version: int, **_: Any
) -> None:
    """Tell the owner that the document has failed, unless it was cancelled."""
    document = await get_document(session, owner_id, document_id)
    if document.state == "failed" and (email := await _email(session, owner_id, document.user_id)):
        mail = DocumentFailed(to=email, name=document.name, reason=document.reason or "")
        await send(session, mail, key=f"documents.failed:{document_id}:{version}")


async def _email(session: AsyncSession, owner_id: UUID, owner: UUID | None) -> str | None:
    """Return the address of the owner or, if that is not a user, of who enqueued the task.

    Who enqueued the task may have lost the access, or be gone, and is not told then.
    """
    sender = context.user_id.get()
    user = owner or (UUID(sender) if sender else None)
    if user is None or not await may_read(session, owner_id, user):
        return None
    return mailable((await get(session, user)).email)


EVENTS = {"documents.ready": tell_ready, "documents.failed": tell_failed}
