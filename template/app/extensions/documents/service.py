"""The rules: a document is its owner's alone, and each file is kept once."""

import contextlib
import hashlib
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.errors import AppError, ConflictError, InvalidError, NotFoundError
from app.core.events import emit
from app.core.http.lists import Listing
from app.core.supabase.storage import FileTypeError, SignedUpload, Storage, new_key
from app.core.tasks import enqueue
from app.extensions.documents.extract import READERS
from app.extensions.documents.models import Document, DocumentState
from app.extensions.documents.schemas import DocumentCreate, DocumentFacts, DocumentRead
from app.extensions.documents.tasks import ingest, remove_file
from app.extensions.tasks import service as tasks

# That an address for an upload is good for, on the platform; and a little more.
UPLOAD_ADDRESS = timedelta(hours=2, minutes=5)

ENDED = (DocumentState.FAILED, DocumentState.CANCELLED)


DOCUMENTS = Listing(
    Document, DocumentRead, scope=Document.owner_id, filters={"state": Document.state}
)


async def get_document(
    session: AsyncSession, owner_id: UUID, document_id: UUID, *, lock: bool = False
) -> Document:
    """Return a document.

    Raises:
        NotFoundError: there is none, or it is somebody else's: the two are not told apart.
    """
    document = await session.get(Document, document_id, with_for_update=lock or None)
    if document is None or document.owner_id != owner_id:
        raise NotFoundError("There is no such document.", code="document_not_found")
    return document


async def announce(
    session: AsyncSession, storage: Storage, owner_id: UUID, file: DocumentCreate
) -> tuple[Document, SignedUpload]:
    """Note a file that its owner is about to upload, and where to. Commits.

    Whoever lost the address announces the same file again.

    Raises:
        FileTypeError: such files are not read, or not taken by the bucket.
        TooLargeError: the bucket does not take it.
        ConflictError: the owner has that file already.
        UnavailableError: Storage does not answer.
    """
    _check(storage, file.media_type, file.size)
    document = await _note(session, owner_id, file, size=file.size, sha256=file.sha256)
    try:
        return document, await storage.sign_upload(document.object_key)
    except ConflictError as error:
        raise ConflictError(
            f"This file was uploaded already: complete the document {document.id}.",
            code="document_uploaded",
        ) from error


async def complete(
    session: AsyncSession, storage: Storage, owner_id: UUID, document_id: UUID
) -> Document:
    """Compare what was uploaded with what was announced, and start to process it. Commits.

    Of a document that was completed before, nothing changes.

    Raises:
        NotFoundError: see `get_document`.
        ConflictError: nothing was uploaded, or something else.
        UnavailableError: Storage does not answer.
    """
    document = await get_document(session, owner_id, document_id)
    # Nobody waits for Storage with a transaction open.
    await session.commit()
    if document.state is not DocumentState.UPLOADING:
        return document
    try:
        stored = await storage.info(document.object_key)
    except NotFoundError as error:
        raise ConflictError(
            "The file has not been uploaded yet.", code="document_not_uploaded"
        ) from error
    kind = stored.content_type.partition(";")[0].strip().lower()
    if (stored.size, kind) != (document.size, document.media_type):
        raise ConflictError(
            f"{stored.size} bytes of {kind} were uploaded, and {document.size} bytes of "
            f"{document.media_type} announced: delete the document and begin again.",
            code="document_differs",
        )
    document = await get_document(session, owner_id, document_id, lock=True)
    if document.state is DocumentState.UPLOADING:
        await _start(session, document)
    await session.commit()
    return document


async def take(
    session: AsyncSession, storage: Storage, owner_id: UUID, facts: DocumentFacts, path: Path
) -> Document:
    """Take a small file that came with the request, and start to process it. Commits.

    Raises:
        InvalidError: it is empty.
        FileTypeError: such files are not read, or not taken by the bucket.
        TooLargeError: the bucket does not take it.
        ConflictError: the owner has that file already.
        UnavailableError: Storage does not answer.
    """
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    if not size:
        raise InvalidError("The file is empty.", code="document_empty")
    _check(storage, facts.media_type, size)
    document = await _note(session, owner_id, facts, size=size, sha256=sha256)
    # It is there already where an upload was sent and its answer lost: the same bytes, by the hash.
    with contextlib.suppress(ConflictError):
        await storage.upload(document.object_key, path, facts.media_type)
    return await complete(session, storage, owner_id, document.id)


async def retry(session: AsyncSession, owner_id: UUID, document_id: UUID) -> Document:
    """Process a document again that failed or was cancelled. Commits.

    Raises:
        NotFoundError: see `get_document`.
        ConflictError: it has not.
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
    """Stop processing a document; chunks that it had before stay. Commits.

    Raises:
        NotFoundError: see `get_document`.
        ConflictError: it is not being processed.
    """
    document = await get_document(session, owner_id, document_id, lock=True)
    if document.state is not DocumentState.PROCESSING:
        raise ConflictError(
            f"The document is not being processed; it is {document.state}.",
            code="document_not_processing",
        )
    document.state, document.reason = DocumentState.CANCELLED, "It was cancelled."
    await _stop(session, document)
    await session.commit()
    return document


async def delete_document(session: AsyncSession, owner_id: UUID, document_id: UUID) -> None:
    """Remove a document, its chunks, and by a task its file. Commits.

    Raises:
        NotFoundError: see `get_document`.
    """
    document = await get_document(session, owner_id, document_id, lock=True)
    if document.state is DocumentState.PROCESSING:
        # Not to be begun by a worker in between.
        document.state = DocumentState.CANCELLED
        await _stop(session, document)
        document = await get_document(session, owner_id, document_id, lock=True)
    discard(session, document)
    await session.delete(document)
    await session.commit()


def discard(session: AsyncSession, document: Document) -> None:
    """Enqueue the removal of a document's file, once more when nobody can upload it any longer."""
    enqueue(session, remove_file.s(key=document.object_key), owner=document.owner_id)
    left = document.created_at + UPLOAD_ADDRESS - utcnow()
    if left > timedelta():
        call = remove_file.s(key=document.object_key)
        enqueue(session, call, owner=document.owner_id, delay=left)


def _check(storage: Storage, media_type: str, size: int) -> None:
    if media_type not in READERS:
        raise FileTypeError(f"Files of type {media_type} are not read: send {', '.join(READERS)}.")
    storage.check(size, media_type)


async def _note(
    session: AsyncSession, owner_id: UUID, facts: DocumentFacts, *, size: int, sha256: str
) -> Document:
    """Return the owner's document of these bytes, as it was announced first, or a new one. Commits.

    Raises:
        ConflictError: it was uploaded already.
    """
    same = select(Document).where(Document.owner_id == owner_id, Document.sha256 == sha256)
    document = (await session.exec(same)).first()
    if document is None:
        document = Document(
            owner_id=owner_id,
            size=size,
            sha256=sha256,
            object_key=new_key(owner_id, folder="documents"),
            **facts.model_dump(exclude={"size", "sha256"}),
        )
        session.add(document)
    elif document.state is not DocumentState.UPLOADING:
        raise _exists(document)
    try:
        await session.commit()
    except IntegrityError:
        # Announced twice at once: the other one was first.
        await session.rollback()
        document = (await session.exec(same)).one()
        if document.state is not DocumentState.UPLOADING:
            raise _exists(document) from None
    return document


def _exists(document: Document) -> AppError:
    return ConflictError(
        f"You have this file already: it is the document {document.id}, {document.state}.",
        code="document_exists",
    )


async def _start(session: AsyncSession, document: Document) -> None:
    """Tell that it is accepted, which whoever listens may refuse, and enqueue its task."""
    await emit(
        session,
        "documents.accepted",
        owner_id=document.owner_id,
        document_id=document.id,
        size=document.size,
    )
    document.state, document.reason = DocumentState.PROCESSING, None
    document.version += 1
    # One after the other: a run that was cancelled may not have noticed yet.
    document.task_id = enqueue(
        session,
        ingest.s(document_id=document.id, version=document.version),
        owner=document.owner_id,
        ordered_by=f"documents:{document.id}",
    )


async def _stop(session: AsyncSession, document: Document) -> None:
    """Tell that it is stopped, and cancel its task. Commits, unless that has ended."""
    await emit(
        session,
        "documents.failed",
        owner_id=document.owner_id,
        document_id=document.id,
        version=document.version,
    )
    with contextlib.suppress(ConflictError, NotFoundError):
        assert document.task_id
        await tasks.cancel_task(session, None, document.task_id)
