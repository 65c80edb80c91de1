"""Request and response models of this feature."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from app.core.http.pagination import KeysetQuery
from app.core.http.schemas import MAX_BIGINT, RequestModel, ResponseModel, UtcDatetime
from app.extensions.documents.models import DocumentState

Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Labels = dict[Annotated[str, StringConstraints(pattern=r"^[\w.-]{1,50}$")], Label]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
FileName = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f/\\]+$"
    ),
]


@dataclass(frozen=True)
class Owner:
    """The owner of documents, and the user who works with them."""

    id: UUID
    user_id: UUID

    @property
    def person(self) -> UUID | None:
        """The owner, if it is a user."""
        return self.user_id if self.id == self.user_id else None


class DocumentFacts(RequestModel):
    """The metadata that the owner sets."""

    name: FileName = Field(description="Name of the file.")
    media_type: str = Field(
        max_length=100,
        description="application/pdf, the type of DOCX, text/html, text/markdown or text/plain.",
    )
    language: Language | None = Field(default=None, description="ISO 639-1; default: detected.")
    labels: Labels = Field(
        default_factory=dict, max_length=20, description="Your own labels, for filters."
    )


class DocumentCreate(DocumentFacts):
    """A file that will be uploaded."""

    size: int = Field(ge=1, le=MAX_BIGINT, description="In bytes.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Hash of the file, in hexadecimal.")


class DocumentRead(ResponseModel):
    """A document of the caller."""

    id: UUID
    name: str
    size: int
    sha256: str
    media_type: str
    language: str | None
    labels: dict[str, str]
    state: DocumentState
    reason: str | None = Field(description="The reason of a failure or a delay.")
    task_id: UUID | None = Field(description="Task; its progress is at `/tasks/{task_id}/events`.")
    chunk_count: int
    created_at: datetime
    ready_at: datetime | None


class UploadAddress(ResponseModel):
    """A URL for one PUT of the file within two hours, without a key."""

    url: str
    token: str = Field(description="Token for `uploadToSignedUrl` of Supabase's client.")
    key: str = Field(description="Path for `uploadToSignedUrl`.")
    content_type: str = Field(description="Required Content-Type of the PUT.")


class DocumentUpload(ResponseModel):
    """A new document and the URL for its file."""

    document: DocumentRead
    upload: UploadAddress


class DownloadAddress(ResponseModel):
    """A URL for downloads of the file, which expires after some minutes and needs no key."""

    url: str


class DocumentQuery(KeysetQuery):
    """Filter and page of the documents."""

    state: DocumentState | None = None


class Ingested(ResponseModel):
    """The result of the task that processes a document."""

    chunks: int
    tokens: int


class SearchMode(StrEnum):
    """The modes of a search."""

    HYBRID = "hybrid"
    VECTOR = "vector"
    TEXT = "text"


class Filters(BaseModel):
    """Filters of the caller's documents; without filters, a search covers all."""

    document_ids: list[UUID] | None = Field(default=None, min_length=1, max_length=100)
    labels: Labels | None = Field(default=None, description="Labels that a document must have.")
    created_from: UtcDatetime | None = None
    created_before: UtcDatetime | None = None


class SearchRequest(Filters, RequestModel):
    """A search."""

    query: str = Field(min_length=1, max_length=1000)
    mode: SearchMode = Field(
        default=SearchMode.HYBRID,
        description="vector: by meaning; text: by words; hybrid: by both.",
    )
    limit: int = Field(default=10, ge=1, le=50)
    cursor: str | None = Field(
        default=None, max_length=200, description="`next_cursor` of the page before."
    )


class Hit(ResponseModel):
    """A chunk that matches a search."""

    chunk_id: UUID
    document_id: UUID
    document_name: str
    page: int | None = Field(description="Page of a PDF on which the chunk starts.")
    position: int = Field(description="Number of the chunk in its document, from 0.")
    score: float = Field(description="Higher is better; the scale depends on the mode.")
    content: str
    snippet: str = Field(description="HTML of the best passages, with hits in <mark>.")


class SearchPage(ResponseModel):
    """A page of hits, the best first."""

    items: list[Hit]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last page.")


class AskRequest(Filters, RequestModel):
    """A question about the caller's documents."""

    question: str = Field(min_length=1, max_length=1000)
    sources: int = Field(default=6, ge=1, le=12, description="Most chunks for the answer.")
