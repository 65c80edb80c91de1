"""What this feature hears of: a document is paid for by the chunk, once for each processing.

Its credits are held before the provider is asked, taken in the transaction that makes it ready, and
given back in the one that ends it otherwise. The document is locked whenever one of these happens.
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
    """Hold the credits; a task that comes again goes on with the hold that it had.

    Raises:
        TaskError: they are not to be had, and to try again by itself would not help.
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
        TaskError: they were given back meanwhile, by an admin or because it took too long.
    """
    charge = await session.run_sync(charges.begun, owner_id, OPERATION, _key(document_id, version))
    if charge is None:
        raise TaskError("The credits that were held for it have been given back: retry it.")
    await session.run_sync(charges.finish, charge)


async def give_back(
    session: AsyncSession, *, owner_id: UUID, document_id: UUID, version: int
) -> None:
    """Give the credits back, if any were held."""
    charge = await session.run_sync(charges.begun, owner_id, OPERATION, _key(document_id, version))
    if charge:
        await session.run_sync(charges.abandon, charge)


def _key(document_id: UUID, version: int) -> str:
    return f"document:{document_id}:{version}"


EVENTS = {"documents.split": hold, "documents.ready": take, "documents.failed": give_back}
