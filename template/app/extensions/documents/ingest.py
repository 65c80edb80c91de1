"""The ingestion of a document: from a file in Storage to chunks that can be searched."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Text, bindparam, cast, delete, func, insert, update
from sqlalchemy.dialects.postgresql import REGCONFIG
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from uuid_utils.compat import uuid7

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
from app.extensions.documents.indexes import USE_VECTORS, ensure_index, index_engine
from app.extensions.documents.models import MAX_REASON, Document, DocumentState, chunks, embeddings
from app.extensions.documents.notify import notify
from app.extensions.documents.rate_limit import wait_for_turn
from app.extensions.documents.sandbox import extract_sections
from app.extensions.documents.schemas import Ingested
from app.extensions.documents.settings import DocumentSettings

# The longest time that a document waits for an index; `app documents reembed` has no limit.
INDEX_SECONDS = 60

log = get_logger(__name__)

# Models whose index exists, as this process has found.
_indexed: set[str] = set()


_INSERT_CHUNK = insert(chunks).values(
    content=bindparam("text", type_=Text),
    search_config=bindparam("dictionary", type_=Text),
    words=func.to_tsvector(
        cast(bindparam("dictionary", type_=Text), REGCONFIG), bindparam("text", type_=Text)
    ),
)


async def ingest(session: AsyncSession, document_id: UUID, version: int) -> Ingested:
    """Extract, split and embed a document, and replace its chunks. The caller commits.

    No transaction is open while the file is read or the provider is called.

    Raises:
        SkipRunError: the document was deleted, cancelled or started again in the meantime.
        TaskError: the document cannot be processed; the message says why.
        CancelledError: the task was asked to stop.
        AppError: Storage does not answer.
        EmbeddingError: the provider does not answer.
        WrongModelError: the vectors have other dimensions than the settings say.
    """
    settings = load_settings(DocumentSettings)
    document = await _get_current(session, document_id, version)
    await session.commit()
    parts = await _extract_parts(document, settings)
    language = document.language
    if language is None:
        beginning = " ".join(part.text for part in parts[:20])
        language = await asyncio.to_thread(languages.detect, beginning)
    result = Ingested(chunks=len(parts), tokens=sum(token_count(part.text) for part in parts))
    # The lock makes a concurrent cancellation happen before this step or after it.
    document = await _get_current(session, document_id, version, lock=True)
    await notify(session, "documents.split", document, **result.model_dump())
    await session.commit()
    vectors = await embed([part.text for part in parts], settings)
    await _ensure_index()
    document = await _get_current(session, document_id, version, lock=True)
    await store_chunks(session, document, language, parts, vectors)
    await notify(session, "documents.ready", document, **result.model_dump())
    return result


async def embed(texts: Sequence[str], settings: DocumentSettings) -> list[Vector]:
    """Return a vector for each text; call the provider in batches and report progress."""
    embedder = process_embedder()
    vectors: list[Vector] = []
    for start in range(0, len(texts), embedder.batch):
        progress(start, len(texts))
        await wait_for_turn(settings.embedding_requests_per_minute, start, len(texts))
        vectors += await embedder.embed(texts[start : start + embedder.batch])
    return vectors


async def end(
    session: AsyncSession, document_id: UUID, version: int, state: DocumentState, reason: str
) -> None:
    """Set the final state of a failed or cancelled run, if it is the current one. Commits."""
    statement = (
        update(Document)
        .where(*_of_version(document_id, version))
        .values(state=state, reason=reason[:MAX_REASON], updated_at=utcnow())
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


async def set_reason(session: AsyncSession, document_id: UUID, version: int, reason: str) -> None:
    """Set the reason why a document waits until its task is retried. Commits."""
    statement = (
        update(Document)
        .where(*_of_version(document_id, version))
        .values(reason=reason[:MAX_REASON])
    )
    await session.exec(statement)
    await session.commit()


async def store_chunks(
    session: AsyncSession,
    document: Document,
    language: str | None,
    parts: Sequence[Part],
    vectors: Sequence[Vector],
) -> None:
    """Replace the chunks of a document and make it ready. Flushes."""
    embedder = process_embedder()
    connection = await session.connection()
    await connection.execute(USE_VECTORS, {"local": True})
    await connection.execute(delete(chunks).where(chunks.c.document_id == document.id))
    config = languages.search_config(language)
    shared = {"document_id": document.id, "owner_id": document.owner_id}
    ids = [uuid7() for _ in parts]
    await connection.execute(
        _INSERT_CHUNK,
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
            shared | {"chunk_id": key, "model": embedder.model, "embedding": vector}
            for key, vector in zip(ids, vectors, strict=True)
        ],
    )
    document.state, document.reason = DocumentState.READY, None
    document.language, document.search_config = language, config
    document.chunk_count, document.ready_at = len(parts), utcnow()
    await session.flush()


async def _get_current(
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


def _of_version(document_id: UUID, version: int) -> tuple[Any, ...]:
    return (
        col(Document.id) == document_id,
        col(Document.version) == version,
        col(Document.state) == DocumentState.PROCESSING,
    )


async def _extract_parts(document: Document, settings: DocumentSettings) -> list[Part]:
    with tempfile.TemporaryDirectory(prefix="document-") as folder:
        path = Path(folder) / "file"
        await _download(document, path)
        sections = await extract_sections(path, document.media_type, settings)
    parts = await asyncio.to_thread(
        lambda: list(split(sections, tokens=settings.chunk_tokens, overlap=settings.chunk_overlap))
    )
    if not parts:
        raise TaskError(
            "The file contains no text. Pages that are images need text recognition first."
        )
    if len(parts) > settings.max_chunks:
        raise TaskError(
            f"The text is too long: it has {len(parts)} parts of {settings.max_chunks} allowed."
        )
    return parts


async def _download(document: Document, path: Path) -> None:
    try:
        async with Supabase(get_settings()) as supabase:
            await Storage(supabase).download(document.object_key, path, max_bytes=document.size)
    except NotFoundError as error:
        raise TaskError("The file is missing in Storage. Upload it again.") from error


async def _ensure_index() -> None:
    embedder = process_embedder()
    if embedder.model in _indexed:
        return
    engine = index_engine()

    def build() -> None:
        try:
            if ensure_index(engine, embedder.model, embedder.dimensions, seconds=INDEX_SECONDS):
                _indexed.add(embedder.model)
        except OperationalError as error:
            # Searches work without the index, but slowly. The next document tries again.
            log.warning(
                "embeddings_not_indexed",
                model=embedder.model,
                error=str(error.orig)[:200],
                advice="run `app documents reembed`, which has no time limit",
            )

    await asyncio.to_thread(build)
