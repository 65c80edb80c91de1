"""Documents on the admin site: where they stand, and to process them again."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.database import Database
from app.core.errors import NotFoundError
from app.extensions.admin.access import Access
from app.extensions.admin.actions import action
from app.extensions.admin.cards import Card, Row
from app.extensions.admin.filters import EnumFilter, InputFilter, day_range
from app.extensions.admin.views import View
from app.extensions.documents import service
from app.extensions.documents.models import Chunk, Document, DocumentState


class DocumentAdmin(View, model=Document):
    """Everybody's documents; what is in them is in their chunks."""

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
    links: ClassVar = {"task_id": "tasks"}

    @action("Retry", "Process what failed or was cancelled again?")
    async def retry(self, _: Request, session: AsyncSession, document_id: UUID) -> None:
        """Process a document again."""
        await service.retry(session, await _owner(session, document_id), document_id)

    @action("Cancel", "Stop processing these? Chunks that they had before stay.")
    async def cancel(self, _: Request, session: AsyncSession, document_id: UUID) -> None:
        """Stop processing a document."""
        await service.cancel(session, await _owner(session, document_id), document_id)

    @action("Delete", "Delete these with their files, for good?", reason=True)
    async def remove(self, request: Request, session: AsyncSession, document_id: UUID) -> Response:
        """Delete a document, its chunks and its file."""
        await service.delete_document(session, await _owner(session, document_id), document_id)
        return RedirectResponse(request.url_for("admin:list", identity=self.identity), 303)


class ChunkAdmin(View, model=Chunk):
    """What people wrote, and so for admins alone."""

    icon = "fa-solid fa-paragraph"
    access: ClassVar = Access(see=frozenset({"admin"}), change=frozenset())
    links: ClassVar = {"owner_id": "users"}
    column_list: ClassVar = ["document_id", "position", "page", "owner_id"]
    column_details_list: ClassVar = [*column_list, "search_config", "content"]
    column_default_sort: ClassVar = [("document_id", False), ("position", False)]
    column_filters: ClassVar = [InputFilter(Chunk.search_config)]


async def cards(request: Request) -> list[Card]:
    """Documents by state."""
    database: Database = request.app.state.database
    statement = select(Document.state, func.count().label("count")).group_by(col(Document.state))
    counts = {row["state"]: row["count"] for row in await database.reader.rows(statement)}
    listed = str(request.url_for("admin:list", identity="document"))
    return [
        Card(
            "Documents",
            [
                Row(
                    state.value.capitalize(),
                    counts.get(state, 0),
                    f"{listed}?state={state.value}",
                    "red" if state is DocumentState.FAILED and counts.get(state) else None,
                )
                for state in DocumentState
            ],
        )
    ]


async def _owner(session: AsyncSession, document_id: UUID) -> UUID:
    document = await session.get(Document, document_id)
    if document is None:
        raise NotFoundError("It has been deleted meanwhile.", code="document_not_found")
    return document.owner_id
