"""Documents on the admin site, with actions to retry, cancel and delete them."""

from typing import ClassVar
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.errors import NotFoundError
from app.extensions.admin.access import Access
from app.extensions.admin.actions import action
from app.extensions.admin.cards import Card, state_card
from app.extensions.admin.filters import EnumFilter, InputFilter, day_range
from app.extensions.admin.views import View
from app.extensions.documents import service
from app.extensions.documents.deps import OWNERS
from app.extensions.documents.models import Chunk, Document, DocumentState


class DocumentAdmin(View, model=Document):
    """The documents of all owners."""

    icon = "fa-solid fa-file-lines"
    title_column = "name"
    column_list: ClassVar = ["name", "state", "owner_id", "size", "chunk_count", "created_at"]
    column_details_list = "__all__"
    column_searchable_list: ClassVar = ["name"]
    column_sortable_list: ClassVar = ["name", "size", "chunk_count", "created_at"]
    column_default_sort: ClassVar = ("created_at", True)
    column_filters: ClassVar = [
        EnumFilter(Document.state, DocumentState),
        *day_range(Document.created_at),
    ]
    links: ClassVar = {"task_id": "tasks", "owner_id": OWNERS}

    @action("Retry", "Process these failed or cancelled documents again?")
    async def retry(self, _: Request, session: AsyncSession, document_id: UUID) -> None:
        """Process a document again."""
        await service.retry(session, await _owner(session, document_id), document_id)

    @action("Cancel", "Cancel the processing of these documents? Their earlier chunks stay.")
    async def cancel(self, _: Request, session: AsyncSession, document_id: UUID) -> None:
        """Cancel the processing of a document."""
        await service.cancel(session, await _owner(session, document_id), document_id)

    @action("Delete", "Delete these documents and their files permanently?", reason=True)
    async def remove(self, request: Request, session: AsyncSession, document_id: UUID) -> Response:
        """Delete a document, its chunks and its file."""
        await service.delete_document(session, await _owner(session, document_id), document_id)
        return RedirectResponse(request.url_for("admin:list", identity=self.identity), 303)


class ChunkAdmin(View, model=Chunk):
    """The content of documents, which only admins may see."""

    icon = "fa-solid fa-paragraph"
    access: ClassVar = Access(see=frozenset({"admin"}), change=frozenset())
    links: ClassVar = {"owner_id": OWNERS}
    column_list: ClassVar = ["document_id", "position", "page", "owner_id"]
    column_details_list: ClassVar = [*column_list, "search_config", "content"]
    column_default_sort: ClassVar = [("document_id", False), ("position", False)]
    column_filters: ClassVar = [InputFilter(Chunk.search_config)]


async def cards(request: Request) -> list[Card]:
    """Documents by state."""
    return [
        await state_card(
            request,
            "Documents",
            Document.state,
            identity="document",
            alert=DocumentState.FAILED,
            color="red",
        )
    ]


async def _owner(session: AsyncSession, document_id: UUID) -> UUID:
    document = await session.get(Document, document_id)
    if document is None:
        raise NotFoundError("The document has been deleted.", code="document_not_found")
    return document.owner_id
