"""The events that this feature handles. The processing of a document costs credits per chunk.

The credits are held before the provider is called, taken in the transaction that makes the document
ready, and released in the transaction that ends its processing otherwise. `documents` locks the
document before each of these events.
"""

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.errors import AppError
from app.core.tasks import TaskError
from app.extensions.credits.service import charges

OPERATION = "documents.embed"


async def hold(
    session: AsyncSession,
    *,
    owner_id: UUID,
    document_id: UUID,
    version: int,
    chunks: int,
    **_: Any,
) -> None:
    """Hold the credits; a repeated run of the task continues with its hold.

    Raises:
        TaskError: the credits cannot be held, and a retry would not help.
    """
    key = _key(document_id, version)
    try:
        await session.run_sync(charges.begin, owner_id, OPERATION, chunks, key=key)
    except AppError as error:
        raise TaskError(error.detail) from error


async def take(
    session: AsyncSession, *, owner_id: UUID, document_id: UUID, version: int, **_: Any
) -> None:
    """Take the credits.

    Raises:
        TaskError: an admin has released the hold, or it has expired.
    """
    charge = await session.run_sync(charges.find, owner_id, OPERATION, _key(document_id, version))
    if charge is None:
        raise TaskError("The credits held for this document were released. Retry the document.")
    await session.run_sync(charges.finish, charge)


async def release(
    session: AsyncSession, *, owner_id: UUID, document_id: UUID, version: int
) -> None:
    """Release the credits, if any are held."""
    charge = await session.run_sync(charges.find, owner_id, OPERATION, _key(document_id, version))
    if charge:
        await session.run_sync(charges.release, charge)


def _key(document_id: UUID, version: int) -> str:
    return f"document:{document_id}:{version}"


EVENTS = {"documents.split": hold, "documents.ready": take, "documents.failed": release}
