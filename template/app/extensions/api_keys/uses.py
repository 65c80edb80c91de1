"""The last uses of keys, which are written in batches, not at every request."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from asyncpg import PostgresError
from sqlalchemy import bindparam, func, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Database
from app.core.database.models import utcnow
from app.core.http.addresses import network_of
from app.core.logging import get_logger
from app.extensions.api_keys.history import Change, commit
from app.extensions.api_keys.models import addresses, api_keys

MOST = 10_000  # keys and addresses of one batch; the database may be away for long

Batch = Mapping[tuple[UUID, str], datetime]

log = get_logger(__name__)


class Uses:
    """The uses since the last batch: the time of the last one, for each key and address."""

    def __init__(self) -> None:
        self._last: dict[tuple[UUID, str], datetime] = {}

    def note(self, key_id: UUID, address: str) -> None:
        """Remember that an address uses a key now."""
        use = (key_id, network_of(address))
        if use in self._last or len(self._last) < MOST:
            self._last[use] = utcnow()

    async def write(self, database: Database) -> None:
        """Write the batch; if the database does not answer, the next call writes it."""
        batch, self._last = self._last, {}
        if not batch:
            return
        try:
            async with database.session() as session:
                await commit(session, await store(session, batch))
        except (OSError, SQLAlchemyError, PostgresError) as error:
            log.warning("api_key_uses_wait", error=f"{type(error).__name__}: {error}"[:300])
            self._last = {**batch, **self._last}
        except asyncio.CancelledError:  # the process stops: the lifespan calls this once more
            self._last = {**batch, **self._last}
            raise


# The uses of this process.
current = Uses()


async def store(session: AsyncSession, batch: Batch) -> list[Change]:
    """Write uses without a commit; return the first uses from an address that the key had not."""
    connection = await session.connection()
    # Locked in one order, so that two processes do not wait for each other. Deleted keys are left
    # out.
    locked = select(api_keys.c.id, api_keys.c.owner_id, api_keys.c.start)
    locked = locked.where(api_keys.c.id.in_({key_id for key_id, _ in batch}))
    locked = locked.order_by(api_keys.c.id).with_for_update(key_share=True)
    keys = {row.id: row for row in await connection.execute(locked)}
    found = {use: at for use, at in batch.items() if use[0] in keys}
    if not found:
        return []
    added = await connection.execute(
        _ADD,
        [
            {"key_id": key_id, "address": address, "first_used_at": at, "last_used_at": at}
            for (key_id, address), at in sorted(found.items())
        ],
    )
    await connection.execute(
        _TOUCH,
        # The last use of a key comes last.
        [
            {"key": key_id, "address": address, "at": at}
            for (key_id, address), at in sorted(found.items(), key=lambda use: use[1])
        ],
    )
    return [
        Change("new_address", key_id, key.owner_id, key.owner_id, key.start, address)
        for key_id, address, is_new in added
        if is_new
        for key in [keys[key_id]]
    ]


_insert = insert(addresses)
_ADD = _insert.on_conflict_do_update(
    index_elements=[addresses.c.key_id, addresses.c.address],
    set_={"last_used_at": func.greatest(_insert.excluded.last_used_at, addresses.c.last_used_at)},
).returning(addresses.c.key_id, addresses.c.address, literal_column("xmax = 0"))
_TOUCH = (
    update(api_keys)
    .where(
        api_keys.c.id == bindparam("key"),
        or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < bindparam("at")),
    )
    .values(last_used_at=bindparam("at"), last_used_from=bindparam("address"))
)
