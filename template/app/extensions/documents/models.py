"""Tables of this feature."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import BigInteger, Index, UniqueConstraint, inspect
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlmodel import Field

from app.core.database.models import SCHEMA, Model, Timestamps, UUIDKey, text_enum

if TYPE_CHECKING:
    from sqlalchemy import Table


class DocumentState(StrEnum):
    """Where a document stands."""

    UPLOADING = "uploading"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Document(UUIDKey, Timestamps, Model, table=True):
    """A file of one user; its bytes lie in Storage under `object_key`."""

    __tablename__ = "documents"
    __table_args__ = (
        # A file is kept once for each owner, however often it is sent.
        UniqueConstraint("owner_id", "sha256"),
        Index("ix_documents_owner_id_created_at", "owner_id", "created_at", "id"),
        # What the sweep looks for.
        Index("ix_documents_state", "state", "created_at"),
    )

    owner_id: UUID = Field(foreign_key=f"{SCHEMA}.users.id", ondelete="CASCADE")
    name: str = Field(max_length=255)
    object_key: str = Field(max_length=200, unique=True)
    size: int = Field(sa_type=BigInteger)  # bytes
    sha256: str = Field(max_length=64)
    media_type: str = Field(max_length=100)
    labels: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    # ISO 639-1, as told by the owner or else found in the text.
    language: str | None = Field(default=None, max_length=2)
    # The dictionary of Postgres that the words of its chunks went through.
    search_config: str | None = Field(default=None, max_length=63)

    state: DocumentState = Field(
        default=DocumentState.UPLOADING, sa_type=text_enum(DocumentState, "state")
    )
    # Why it failed, or what it waits for; one sentence for its owner.
    reason: str | None = Field(default=None, max_length=500)
    # Counted up by each start of its processing: a run of an older one changes nothing any more.
    version: int = 0
    # The task of that version, which is followed at `/tasks/{id}`.
    task_id: UUID | None = None
    chunk_count: int = 0
    ready_at: datetime | None = None


class Chunk(UUIDKey, Model, table=True):
    """A part of a document's text, as long as a model reads at once."""

    __tablename__ = "documents_chunks"
    __table_args__ = (
        UniqueConstraint("document_id", "position"),
        Index("ix_documents_chunks_owner_id", "owner_id"),
        Index("ix_documents_chunks_words", "words", postgresql_using="gin"),
    )

    document_id: UUID = Field(foreign_key=f"{SCHEMA}.documents.id", ondelete="CASCADE")
    # Of the document: policies and searches ask for it without a join.
    owner_id: UUID
    position: int  # from 0
    page: int | None = None  # from 1, of a PDF, where the chunk begins
    content: str
    search_config: str = Field(max_length=63)
    # Not a generated column: that takes one dictionary for all languages, or a `regconfig` column,
    # which stands in the way of pg_upgrade.
    words: Any = Field(sa_type=TSVECTOR)


class Embedding(Model, table=True):
    """The vector of a chunk by one model; several models may stand side by side.

    The column has no length: each model has its own, and an index of its own, see `indexes`.
    """

    __tablename__ = "documents_embeddings"
    __table_args__ = (
        Index("ix_documents_embeddings_owner_id", "owner_id", "model"),
        Index("ix_documents_embeddings_document_id", "document_id", "model"),
        Index("ix_documents_embeddings_model", "model"),
    )

    chunk_id: UUID = Field(
        primary_key=True, foreign_key=f"{SCHEMA}.documents_chunks.id", ondelete="CASCADE"
    )
    model: str = Field(primary_key=True, max_length=200)
    owner_id: UUID
    document_id: UUID
    embedding: Any = Field(sa_type=HALFVEC)


# The tables behind them, for statements that need no entities.
documents = cast("Table", inspect(Document).local_table)
chunks = cast("Table", inspect(Chunk).local_table)
embeddings = cast("Table", inspect(Embedding).local_table)
