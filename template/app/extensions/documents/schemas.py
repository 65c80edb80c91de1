"""Request and response models of this feature."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from app.core.http.pagination import KeysetQuery
from app.core.http.schemas import RequestModel, ResponseModel
from app.extensions.documents.models import DocumentState

Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Labels = dict[Annotated[str, StringConstraints(pattern=r"^[\w.-]{1,50}$")], Label]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
FileName = Annotated[
    str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f/\\]+$")
]


class DocumentFacts(RequestModel):
    """What the owner says about a file."""

    name: FileName = Field(description="What the file is called.")
    media_type: str = Field(
        max_length=100, description="application/pdf, DOCX, text/html, text/markdown, text/plain."
    )
    language: Language | None = Field(default=None, description="ISO 639-1; else it is guessed.")
    labels: Labels = Field(
        default_factory=dict, max_length=20, description="Of your own, to search by."
    )


class DocumentCreate(DocumentFacts):
    """A file that is about to be uploaded."""

    size: int = Field(ge=1, description="In bytes.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the file, in hexadecimal.")


class DocumentRead(ResponseModel):
    """A document as its owner sees it."""

    id: UUID
    name: str
    size: int
    sha256: str
    media_type: str
    language: str | None
    labels: dict[str, str]
    state: DocumentState
    reason: str | None = Field(description="Why it failed, or what it waits for.")
    task_id: UUID | None = Field(description="Follow it at `/tasks/{task_id}/events`.")
    chunk_count: int
    created_at: datetime
    ready_at: datetime | None


class UploadAddress(ResponseModel):
    """Where to PUT the file, once, within two hours; no key is needed."""

    url: str
    token: str = Field(description="For `uploadToSignedUrl` of Supabase's own client.")
    key: str = Field(description="And the path for it.")
    content_type: str = Field(description="To be sent as Content-Type.")


class DocumentUpload(ResponseModel):
    """A document that waits for its file."""

    document: DocumentRead
    upload: UploadAddress


class DownloadAddress(ResponseModel):
    """Where to fetch the file for some minutes; no key is needed."""

    url: str


class DocumentQuery(KeysetQuery):
    """Which documents to list."""

    state: DocumentState | None = None


class Ingested(ResponseModel):
    """What the task that processes a document returns."""

    chunks: int
    tokens: int


class SearchMode(StrEnum):
    """What a search goes by."""

    HYBRID = "hybrid"
    VECTOR = "vector"
    TEXT = "text"


class Filters(BaseModel):
    """Which of the caller's documents are asked; all without any."""

    document_ids: list[UUID] | None = Field(default=None, min_length=1, max_length=100)
    labels: Labels | None = Field(default=None, description="All of these, among others.")
    created_from: AwareDatetime | None = None
    created_before: AwareDatetime | None = None


class SearchRequest(Filters, RequestModel):
    """A search."""

    query: str = Field(min_length=1, max_length=1000)
    mode: SearchMode = Field(
        default=SearchMode.HYBRID,
        description="vector goes by meaning, text by words, hybrid by both.",
    )
    limit: int = Field(default=10, ge=1, le=50)
    cursor: str | None = Field(default=None, max_length=200, description="Of the page before.")


class Hit(ResponseModel):
    """A chunk that was found."""

    chunk_id: UUID
    document_id: UUID
    document_name: str
    page: int | None = Field(description="Of a PDF, where the chunk begins.")
    position: int = Field(description="Of the chunk in its document, from 0.")
    score: float = Field(description="The higher, the better; of one mode's own scale.")
    content: str
    snippet: str = Field(description="HTML: the best of it, with the words found in <mark>.")


class SearchPage(ResponseModel):
    """The best hits first."""

    items: list[Hit]
    next_cursor: str | None = Field(description="Of the next page, or null on the last.")


class AskRequest(Filters, RequestModel):
    """A question about the caller's documents."""

    question: str = Field(min_length=1, max_length=1000)
    sources: int = Field(default=6, ge=1, le=12, description="Chunks that the answer may rest on.")
