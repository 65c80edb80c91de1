"""Tells what happens to keys: as an event in the transaction, and as a log line after it."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.events import emit
from app.core.logging import get_logger

COMMAND_LINE = "command line"  # in place of an address

log = get_logger(__name__)


class Change(NamedTuple):
    """Something that happened to a key."""

    kind: str  # created, rotated, revoked, changed or new_address
    key_id: UUID
    owner_id: UUID
    actor_id: UUID  # who did it; the owner for the command line and for a new address
    start: str
    address: str  # of the one who did it


async def commit(session: AsyncSession, changes: Sequence[Change]) -> None:
    """Emit `api_keys.<kind>` for each change, commit, and log them."""
    for change in changes:
        await emit(session, f"api_keys.{change.kind}", **_facts(change))
    await session.commit()
    for change in changes:
        log.info(f"api_key_{change.kind}", **{k: str(v) for k, v in _facts(change).items()})


def _facts(change: Change) -> dict[str, Any]:
    return {name: value for name, value in change._asdict().items() if name != "kind"}
