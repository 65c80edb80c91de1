"""`/documents`: the caller's documents."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.core.database import DatabaseReader, DatabaseSession, database_of
from app.core.http.pagination import KeysetPage
from app.core.supabase.storage import FileStorage
from app.extensions.documents import answers, service
from app.extensions.documents.deps import CurrentOwner
from app.extensions.documents.schemas import (
    AskRequest,
    DocumentCreate,
    DocumentFacts,
    DocumentQuery,
    DocumentRead,
    DocumentUpload,
    DownloadAddress,
    FileName,
    Language,
    SearchPage,
    SearchRequest,
    UploadAddress,
)
from app.extensions.documents.search import search

router = APIRouter()


@router.get("", summary="List my documents")
async def list_documents(
    owner: CurrentOwner, query: Annotated[DocumentQuery, Query()], reader: DatabaseReader
) -> KeysetPage[DocumentRead]:
    """The caller's documents, newest first."""
    return await service.DOCUMENTS.page(reader, query, owner_id=owner.id)


@router.post("", status_code=201, summary="Create a document for an upload")
async def announce_document(
    owner: CurrentOwner, file: DocumentCreate, session: DatabaseSession, storage: FileStorage
) -> DocumentUpload:
    """Returns a URL for a PUT of the file. After the upload, call `complete`."""
    document, signed = await service.create_upload(session, storage, owner, file)
    address = UploadAddress(
        url=signed.url, token=signed.token, key=signed.path, content_type=document.media_type
    )
    return DocumentUpload(document=DocumentRead.model_validate(document), upload=address)


@router.post(
    "/direct",
    status_code=202,
    summary="Upload a small document",
    openapi_extra={"requestBody": {"required": True, "content": {"*/*": {"schema": {}}}}},
)
async def send_document(
    request: Request,
    owner: CurrentOwner,
    session: DatabaseSession,
    storage: FileStorage,
    name: Annotated[FileName, Query(description="Name of the file.")],
    language: Annotated[Language | None, Query(description="ISO 639-1; default: detected.")] = None,
) -> DocumentRead:
    """The body is the file, of at most MAX_BODY_BYTES; the Content-Type is its type."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    facts = DocumentFacts(name=name, media_type=media_type[:100], language=language)
    with tempfile.TemporaryDirectory(prefix="document-") as folder:
        path = Path(folder) / "file"
        with path.open("wb") as file:
            async for piece in request.stream():
                file.write(piece)
        document = await service.upload(session, storage, owner, facts, path)
    return DocumentRead.model_validate(document)


@router.post("/search", summary="Search my documents")
async def search_documents(
    request: Request, owner: CurrentOwner, body: SearchRequest
) -> SearchPage:
    """The best chunks of the caller's documents, by meaning, by words, or by both."""
    return await search(database_of(request), owner, body)


async def prepared_answer(
    request: Request, owner: CurrentOwner, body: AskRequest
) -> answers.Prepared:
    """Search the sources before the stream starts, so that errors have their status."""
    return await answers.prepare(database_of(request), owner, body)


@router.post("/ask", summary="Ask my documents", response_class=EventSourceResponse)
async def ask_documents(
    prepared: Annotated[answers.Prepared, Depends(prepared_answer)],
) -> AsyncIterator[ServerSentEvent]:
    """An answer with its sources, as server-sent events: `sources`, `text`…, `done` or `error`."""
    async for event, data in answers.stream(prepared):
        yield ServerSentEvent(event=event, data=data)


@router.get("/{document_id}", summary="Read a document")
async def read_document(
    owner: CurrentOwner, document_id: UUID, session: DatabaseSession
) -> DocumentRead:
    """One document of the caller."""
    return DocumentRead.model_validate(await service.get_document(session, owner.id, document_id))


@router.get("/{document_id}/file", summary="Get a download URL of a document's file")
async def read_file(
    owner: CurrentOwner, document_id: UUID, session: DatabaseSession, storage: FileStorage
) -> DownloadAddress:
    """A URL for the file, without a sign-in, which expires after a few minutes."""
    document = await service.get_document(session, owner.id, document_id)
    await session.commit()
    url = await storage.sign_download(document.object_key, filename=document.name)
    return DownloadAddress(url=url)


@router.post("/{document_id}/complete", status_code=202, summary="Complete an upload")
async def complete_document(
    owner: CurrentOwner, document_id: UUID, session: DatabaseSession, storage: FileStorage
) -> DocumentRead:
    """Checks the uploaded file and starts its processing; a repeated call changes nothing."""
    document = await service.complete(session, storage, owner.id, document_id)
    return DocumentRead.model_validate(document)


@router.post("/{document_id}/retry", status_code=202, summary="Process a failed document again")
async def retry_document(
    owner: CurrentOwner, document_id: UUID, session: DatabaseSession
) -> DocumentRead:
    """Starts the processing of a failed or cancelled document again."""
    return DocumentRead.model_validate(await service.retry(session, owner.id, document_id))


@router.post("/{document_id}/cancel", summary="Cancel the processing of a document")
async def cancel_document(
    owner: CurrentOwner, document_id: UUID, session: DatabaseSession
) -> DocumentRead:
    """The file stays, so that the document can be retried."""
    return DocumentRead.model_validate(await service.cancel(session, owner.id, document_id))


@router.delete("/{document_id}", status_code=204, summary="Delete a document")
async def delete_document(owner: CurrentOwner, document_id: UUID, session: DatabaseSession) -> None:
    """Deletes the document with its chunks and its file."""
    await service.delete_document(session, owner.id, document_id)
