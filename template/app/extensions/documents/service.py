"""The rules of documents. A document has one owner, and stores a file once for this owner."""

import contextlib
import hashlib
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.events import emit
from app.core.features import load
from app.core.http.lists import EVERYONE, Listing
from app.core.supabase.storage import FileTypeError, SignedUpload, Storage, new_key
from app.core.tasks import enqueue
from app.extensions.documents.extract import READERS
from app.extensions.documents.models import Document, DocumentState
from app.extensions.documents.notify import notify
from app.extensions.documents.schemas import DocumentCreate, DocumentFacts, DocumentRead, Owner
from app.extensions.documents.tasks import AFTER_REQUESTS, ingest, remove_file
from app.extensions.tasks import service as tasks

ENDED = (DocumentState.FAILED, DocumentState.CANCELLED)


DOCUMENTS = Listing(
    Document, DocumentRead, scope=Document.owner_id, filters={"state": Document.state}
)


async def get_document(
    session: AsyncSession, owner_id: UUID, document_id: UUID, *, lock: bool = False
) -> Document:
    """Return a document.

    Raises:
        NotFoundError: there is none, or it belongs to another owner; the error is the same.
    """
    # A lock without `populate_existing` would return what the session has read before.
    document = await session.get(
        Document, document_id, with_for_update=lock or None, populate_existing=lock
    )
    if document is None or document.owner_id != owner_id:
        raise NotFoundError("There is no such document.", code="document_not_found")
    return document


async def may_read(session: AsyncSession, owner_id: UUID, user_id: UUID) -> bool:
    """Return whether a user may see the documents of an owner now; for code outside of requests."""
    if owner_id == user_id:
        return True
    for _, module in load("documents"):
        if await module.may_read(session, owner_id, user_id):
            return True
    return False


async def create_upload(
    session: AsyncSession, storage: Storage, owner: Owner, file: DocumentCreate
) -> tuple[Document, SignedUpload]:
    """Create a document for a file, with a URL for its upload. Commits.

    A second call for the same file returns the same document and a new URL.

    Raises:
        FileTypeError: the type is not supported, or the bucket does not allow it.
        TooLargeError: the bucket does not allow the size.
        ConflictError: the owner has uploaded the file before.
        UnavailableError: Storage does not answer.
    """
    _check(storage, file.media_type, file.size)
    document = await _get_or_create(session, owner, file, size=file.size, sha256=file.sha256)
    try:
        return document, await storage.sign_upload(document.object_key)
    except ConflictError as error:
        raise ConflictError(
            f"This file was uploaded before. Complete the document {document.id}.",
            code="document_uploaded",
        ) from error


async def complete(
    session: AsyncSession, storage: Storage, owner_id: UUID, document_id: UUID
) -> Document:
    """Compare the upload with the announced file, and start the processing. Commits.

    A repeated call changes nothing. A file that differs is removed, and may be sent again at a new
    URL.

    Raises:
        NotFoundError: see `get_document`.
        ConflictError: the file was not uploaded, or differs from the announced one.
        UnavailableError: Storage does not answer.
    """
    document = await get_document(session, owner_id, document_id)
    # No transaction is open during the request to Storage.
    await session.commit()
    if document.state is not DocumentState.UPLOADING:
        return document
    key = document.object_key
    try:
        stored = await storage.accept(key, size=document.size, sha256=document.sha256)
        same = stored.content_type.partition(";")[0].strip().lower() == document.media_type
    except NotFoundError as error:
        raise ConflictError(
            "The file has not been uploaded yet.", code="document_not_uploaded"
        ) from error
    except ConflictError:
        same = False
    document = await get_document(session, owner_id, document_id, lock=True)
    if document.state is DocumentState.UPLOADING and document.object_key == key:
        if same:
            await _start(session, document)
        else:
            _enqueue_removal(session, document)
            document.object_key = new_key(owner_id, folder="documents")
    await session.commit()
    if document.state is DocumentState.UPLOADING:
        raise ConflictError(
            f"The uploaded file differs from {document.size} bytes of {document.media_type} with "
            f"the SHA-256 {document.sha256}. Create the upload again to get a new URL.",
            code="document_differs",
        )
    return document


async def upload(
    session: AsyncSession, storage: Storage, owner: Owner, facts: DocumentFacts, path: Path
) -> Document:
    """Upload a small file from the body of a request, and start the processing. Commits.

    Raises:
        InvalidError: the file is empty.
        FileTypeError: the type is not supported, or the bucket does not allow it.
        TooLargeError: the bucket does not allow the size.
        ConflictError: the owner has uploaded the file before.
        UnavailableError: Storage does not answer.
    """
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    if not size:
        raise InvalidError("The file is empty.", code="document_empty")
    _check(storage, facts.media_type, size)
    document = await _get_or_create(session, owner, facts, size=size, sha256=sha256)
    # A conflict means that an earlier upload of the same bytes succeeded but its response was lost.
    with contextlib.suppress(ConflictError):
        await storage.upload(document.object_key, path, facts.media_type)
    return await complete(session, storage, owner.id, document.id)


async def retry(session: AsyncSession, owner_id: UUID, document_id: UUID) -> Document:
    """Process a failed or cancelled document again. Commits.

    Raises:
        NotFoundError: see `get_document`.
        ConflictError: the document is in another state.
    """
    document = await get_document(session, owner_id, document_id, lock=True)
    if document.state not in ENDED:
        raise ConflictError(
            f"Only a failed or cancelled document can be retried; this one is {document.state}.",
            code="document_not_failed",
        )
    await _start(session, document)
    await session.commit()
    return document


async def cancel(session: AsyncSession, owner_id: UUID, document_id: UUID) -> Document:
    """Cancel the processing of a document; its earlier chunks stay. Commits.

    Raises:
        NotFoundError: see `get_document`.
        ConflictError: the document is not in processing.
    """
    document = await get_document(session, owner_id, document_id, lock=True)
    if document.state is not DocumentState.PROCESSING:
        raise ConflictError(
            f"Only a document in processing can be cancelled; this one is {document.state}.",
            code="document_not_processing",
        )
    document.state, document.reason = DocumentState.CANCELLED, "It was cancelled."
    await _stop(session, document)
    await session.commit()
    return document


async def delete_document(session: AsyncSession, owner_id: UUID, document_id: UUID) -> None:
    """Delete a document and its chunks, and enqueue the removal of its file. Commits.

    Raises:
        NotFoundError: see `get_document`.
    """
    await _remove(session, await get_document(session, owner_id, document_id, lock=True))
    await session.commit()


async def delete_all(session: AsyncSession, owner_id: UUID) -> None:
    """Delete all documents of an owner, as `delete_document` does one. Does not commit."""
    found = select(Document).where(Document.owner_id == owner_id).order_by(col(Document.id))
    locked = found.with_for_update().execution_options(populate_existing=True)
    for document in (await session.exec(locked)).all():
        await _remove(session, document)


async def _remove(session: AsyncSession, document: Document) -> None:
    """Delete a locked document, stop its processing and enqueue the removal of its file."""
    if document.state is DocumentState.PROCESSING:
        document.state = DocumentState.CANCELLED
        await _stop(session, document)
    _enqueue_removal(session, document)
    await session.delete(document)


def _enqueue_removal(session: AsyncSession, document: Document) -> None:
    # Again later, because a request may be moving it to its key.
    call = remove_file.s(key=document.object_key)
    for delay in (timedelta(), AFTER_REQUESTS):
        enqueue(session, call, owner=document.user_id, delay=delay)


def _check(storage: Storage, media_type: str, size: int) -> None:
    if media_type not in READERS:
        raise FileTypeError(
            f"Files of type {media_type} are not supported. Send one of: {', '.join(READERS)}."
        )
    storage.check(size, media_type)


async def _get_or_create(
    session: AsyncSession, owner: Owner, facts: DocumentFacts, *, size: int, sha256: str
) -> Document:
    """Return the owner's document of these bytes, as it was created first, or a new one. Commits.

    Raises:
        ConflictError: the file was uploaded before.
    """
    new = Document(
        owner_id=owner.id,
        user_id=owner.person,
        size=size,
        sha256=sha256,
        object_key=new_key(owner.id, folder="documents"),
        **facts.model_dump(exclude={"size", "sha256"}),
    )
    # A concurrent request for the same file may insert its row first.
    unique = ["owner_id", "sha256"]
    statement = insert(Document).values(new.model_dump())
    await session.exec(statement.on_conflict_do_nothing(index_elements=unique))
    same = select(Document).where(Document.owner_id == owner.id, Document.sha256 == sha256)
    document = (await session.exec(same)).one()
    await session.commit()
    if document.state is not DocumentState.UPLOADING:
        raise ConflictError(
            f"You have uploaded this file before: document {document.id}, {document.state}.",
            code="document_exists",
        )
    return document


async def _start(session: AsyncSession, document: Document) -> None:
    """Emit that the document is accepted, which event handlers may refuse; enqueue its task."""
    await emit(
        session,
        "documents.accepted",
        owner_id=document.owner_id,
        document_id=document.id,
        size=document.size,
    )
    document.state, document.reason = DocumentState.PROCESSING, None
    document.version += 1
    # Runs of one document are ordered, because a cancelled run may still be active.
    document.task_id = enqueue(
        session,
        ingest.s(document_id=document.id, version=document.version),
        owner=document.user_id,
        ordered_by=f"documents:{document.id}",
    )


async def _stop(session: AsyncSession, document: Document) -> None:
    """Emit that the processing has ended, and cancel its task."""
    await notify(session, "documents.failed", document)
    with contextlib.suppress(ConflictError, NotFoundError):
        assert document.task_id
        # Whoever may stop the document may stop its task, which another user may have enqueued.
        await tasks.stop_task(session, EVERYONE, document.task_id)
