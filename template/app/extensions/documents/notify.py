"""Events about a document, for the features that handle them."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.events import emit
from app.extensions.documents.models import Document


async def notify(session: AsyncSession, event: str, document: Document, **facts: Any) -> None:
    """Emit an event of one version of a document, with more facts about it."""
    await emit(
        session,
        event,
        owner_id=document.owner_id,
        document_id=document.id,
        version=document.version,
        **facts,
    )
