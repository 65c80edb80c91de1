"""From a file in Storage to chunks that can be searched."""

import asyncio
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import NullPool, Text, bindparam, cast, delete, func, insert, update
from sqlalchemy.dialects.postgresql import REGCONFIG
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from uuid_utils.compat import uuid7

from app.core.database import migration_url, sync_engine
from app.core.database.models import utcnow
from app.core.errors import NotFoundError
from app.core.events import emit
from app.core.logging import get_logger
from app.core.settings import get_settings, load_settings
from app.core.supabase.clients import Supabase
from app.core.supabase.storage import Storage
from app.core.tasks import SkipRunError, TaskError, progress
from app.extensions.documents import languages
from app.extensions.documents.chunking import Part, split, token_count
from app.extensions.documents.embedding import Vector, process_embedder
from app.extensions.documents.indexes import USE_VECTORS, ensure_index
from app.extensions.documents.models import Document, DocumentState, chunks, embeddings
from app.extensions.documents.pacing import wait_for_turn
from app.extensions.documents.reading import read
from app.extensions.documents.schemas import Ingested
from app.extensions.documents.settings import DocumentSettings

INDEX_SECONDS = 60  # that a document waits for an index; a large one is `app documents reembed`'s

log = get_logger(__name__)

# Models whose index this process has seen.
_indexed: set[str] = set()


async def ingest(session: AsyncSession, document_id: UUID, version: int) -> Ingested:
    """Read, split and embed a document, and put the chunks in the place of those it had.

    No transaction is open while the file is read or the provider is asked. The caller commits.

    Raises:
        SkipRunError: it was deleted, cancelled, or started anew meanwhile.
        TaskError: it cannot be done; the text says why.
        CancelledError: the task was asked to stop.
        AppError: Storage does not answer.
        EmbeddingError: the provider does not answer.
        WrongModelError: its vectors have another length than the settings say.
    """
    settings = load_settings(DocumentSettings)
    document = await _current(session, document_id, version)
    await session.commit()
    parts = await _parts(document, settings)
    language = document.language
    if language is None:
        beginning = " ".join(part.text for part in parts[:20])
        language = await asyncio.to_thread(languages.detect, beginning)
    result = Ingested(chunks=len(parts), tokens=sum(token_count(part.text) for part in parts))
    # Locked, so that whoever cancels it meanwhile does so before this or after it, and not beside.
    document = await _current(session, document_id, version, lock=True)
    await _tell(session, "documents.split", document, result)
    await session.commit()
    vectors = await embed([part.text for part in parts], settings)
    await _index()
    document = await _current(session, document_id, version, lock=True)
    await store_chunks(session, document, language, parts, vectors)
    await _tell(session, "documents.ready", document, result)
    return result


async def embed(texts: Sequence[str], settings: DocumentSettings) -> list[Vector]:
    """Return a vector for each text, batch by batch, and report progress on the way."""
    provider = process_embedder()
    vectors: list[Vector] = []
    for start in range(0, len(texts), provider.batch):
        progress(start, len(texts))
        await wait_for_turn(settings.embedding_requests_per_minute, start, len(texts))
        vectors += await provider.embed(texts[start : start + provider.batch])
    return vectors


async def end(
    session: AsyncSession, document_id: UUID, version: int, state: DocumentState, reason: str
) -> None:
    """End a run that did not make it, unless the document went on without it. Commits."""
    statement = (
        update(Document)
        .where(*_of_version(document_id, version))
        .values(state=state, reason=reason, updated_at=utcnow())
        .returning(col(Document.owner_id))
    )
    owner_id = (await session.exec(statement)).scalar_one_or_none()
    if owner_id:
        await emit(
            session,
            "documents.failed",
            owner_id=owner_id,
            document_id=document_id,
            version=version,
        )
    await session.commit()


async def explain(session: AsyncSession, document_id: UUID, version: int, reason: str) -> None:
    """Say what a document waits for until its task is tried again. Commits."""
    statement = update(Document).where(*_of_version(document_id, version)).values(reason=reason)
    await session.exec(statement)
    await session.commit()


async def _current(
    session: AsyncSession, document_id: UUID, version: int, *, lock: bool = False
) -> Document:
    statement = select(Document).where(*_of_version(document_id, version))
    if lock:
        statement = statement.with_for_update()
    document = (await session.exec(statement.execution_options(populate_existing=True))).first()
    if document is None:
        log.info("document_went_on", document=str(document_id), version=version)
        raise SkipRunError
    return document


async def _tell(session: AsyncSession, event: str, document: Document, result: Ingested) -> None:
    await emit(
        session,
        event,
        owner_id=document.owner_id,
        document_id=document.id,
        version=document.version,
        **result.model_dump(),
    )


def _of_version(document_id: UUID, version: int) -> tuple[Any, ...]:
    return (
        col(Document.id) == document_id,
        col(Document.version) == version,
        col(Document.state) == DocumentState.PROCESSING,
    )


async def _parts(document: Document, settings: DocumentSettings) -> list[Part]:
    with tempfile.TemporaryDirectory(prefix="document-") as folder:
        path = Path(folder) / "file"
        await _fetch(document, path)
        sections = await read(path, document.media_type, settings)
    parts = await asyncio.to_thread(
        lambda: list(split(sections, tokens=settings.chunk_tokens, overlap=settings.chunk_overlap))
    )
    if not parts:
        raise TaskError("The file holds no text; pages that are pictures have to be read first.")
    if len(parts) > settings.max_chunks:
        raise TaskError(
            f"The text is too long: {len(parts)} parts, and {settings.max_chunks} are allowed."
        )
    return parts


async def _fetch(document: Document, path: Path) -> None:
    try:
        async with Supabase(get_settings()) as supabase:
            await Storage(supabase).download(document.object_key, path, max_bytes=document.size)
    except NotFoundError as error:
        raise TaskError("The file is gone from the storage: upload it again.") from error
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != document.sha256:
        raise TaskError("The file is not the one that was announced: its SHA-256 differs.")


async def _index() -> None:
    provider = process_embedder()
    if provider.model in _indexed:
        return
    settings = get_settings()
    engine = sync_engine(migration_url(settings), settings, poolclass=NullPool)

    def build() -> None:
        try:
            if ensure_index(engine, provider.model, provider.dimensions, seconds=INDEX_SECONDS):
                _indexed.add(provider.model)
        except OperationalError as error:
            # Searches are right without it, and slower; the next document tries again.
            log.warning(
                "embeddings_not_indexed",
                model=provider.model,
                error=str(error.orig)[:200],
                advice="run `app documents reembed`, which takes its time",
            )

    await asyncio.to_thread(build)


async def store_chunks(
    session: AsyncSession,
    document: Document,
    language: str,
    parts: Sequence[Part],
    vectors: Sequence[Vector],
) -> None:
    """Put chunks in the place of those that a document had, and make it ready. Flushes."""
    provider = process_embedder()
    connection = await session.connection()
    await connection.execute(USE_VECTORS, {"local": True})
    await connection.execute(delete(chunks).where(chunks.c.document_id == document.id))
    config = languages.search_config(language)
    shared = {"document_id": document.id, "owner_id": document.owner_id}
    ids = [uuid7() for _ in parts]
    await connection.execute(
        _ADD_CHUNK,
        [
            shared
            | {"id": key, "position": position, "page": part.page}
            | {"dictionary": config, "text": part.text}
            for position, (key, part) in enumerate(zip(ids, parts, strict=True))
        ],
    )
    await connection.execute(
        insert(embeddings),
        [
            shared | {"chunk_id": key, "model": provider.model, "embedding": vector}
            for key, vector in zip(ids, vectors, strict=True)
        ],
    )
    document.state, document.reason = DocumentState.READY, None
    document.language, document.search_config = language, config
    document.chunk_count, document.ready_at = len(parts), utcnow()
    await session.flush()


_ADD_CHUNK = insert(chunks).values(
    content=bindparam("text", type_=Text),
    search_config=bindparam("dictionary", type_=Text),
    words=func.to_tsvector(
        cast(bindparam("dictionary", type_=Text), REGCONFIG), bindparam("text", type_=Text)
    ),
)
