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


MAX_REASON = 500  # characters


class DocumentState(StrEnum):
    """The states of a document."""

    UPLOADING = "uploading"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Document(UUIDKey, Timestamps, Model, table=True):
    """A file of an owner; Storage has its content under `object_key`."""

    __tablename__ = "documents"
    __table_args__ = (
        # A file is stored once for each owner.
        UniqueConstraint("owner_id", "sha256"),
        Index("ix_documents_owner_id_created_at", "owner_id", "created_at", "id"),
        # For the cleanup.
        Index("ix_documents_state", "state", "created_at"),
    )

    # A user, or what another feature says, see `deps`.
    owner_id: UUID
    # The owner, if it is a user: the document is removed with the row of the user.
    user_id: UUID | None = Field(
        default=None, index=True, foreign_key=f"{SCHEMA}.users.id", ondelete="CASCADE"
    )
    name: str = Field(max_length=255)
    object_key: str = Field(max_length=200, unique=True)
    size: int = Field(sa_type=BigInteger)  # bytes
    sha256: str = Field(max_length=64)
    media_type: str = Field(max_length=100)
    labels: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    # ISO 639-1, set by the owner or detected in the text.
    language: str | None = Field(default=None, max_length=2)
    # The text search configuration of Postgres for its chunks.
    search_config: str | None = Field(default=None, max_length=63)

    state: DocumentState = Field(
        default=DocumentState.UPLOADING, sa_type=text_enum(DocumentState, "state")
    )
    # A sentence for the owner: the reason of a failure or a delay.
    reason: str | None = Field(default=None, max_length=MAX_REASON)
    # Increased when the processing starts. A run of an earlier version no longer changes anything.
    version: int = 0
    # The task of this version, which `/tasks/{id}` shows.
    task_id: UUID | None = None
    chunk_count: int = 0
    ready_at: datetime | None = None


class Chunk(UUIDKey, Model, table=True):
    """A part of a document's text, short enough for an embedding model."""

    __tablename__ = "documents_chunks"
    __table_args__ = (
        UniqueConstraint("document_id", "position"),
        Index("ix_documents_chunks_owner_id", "owner_id"),
        Index("ix_documents_chunks_words", "words", postgresql_using="gin"),
    )

    document_id: UUID = Field(foreign_key=f"{SCHEMA}.documents.id", ondelete="CASCADE")
    # Copied from the document, so that policies and searches need no join.
    owner_id: UUID
    position: int  # from 0
    page: int | None = None  # from 1: the page of a PDF on which the chunk starts
    content: str
    search_config: str = Field(max_length=63)
    # Not a generated column, which requires one configuration for all languages, or a column of
    # type `regconfig`, which pg_upgrade does not support.
    words: Any = Field(sa_type=TSVECTOR)


class Embedding(Model, table=True):
    """The vector of a chunk by one model; a chunk may have vectors of several models.

    The column has no dimensions, because they differ between models. See `indexes`.
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


# The tables, for statements without entities.
documents = cast("Table", inspect(Document).local_table)
chunks = cast("Table", inspect(Chunk).local_table)
embeddings = cast("Table", inspect(Embedding).local_table)
