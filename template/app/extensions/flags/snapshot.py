"""What the tables say about all flags, cached by each process for FLAGS_CACHE_SECONDS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asyncpg import PostgresError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.core.database import Reader, sync_session
from app.core.logging import get_logger
from app.core.row_cache import RowCache
from app.core.settings import load_settings
from app.extensions.flags.models import overrides, states
from app.extensions.flags.settings import FlagSettings

OUTAGES = (OSError, SQLAlchemyError, PostgresError)

_STATES = select(states.c.name, states.c.killed, states.c.percentage)
_OVERRIDES = select(overrides.c.name, overrides.c.kind, overrides.c.subject_id, overrides.c.value)
_ALL = "all"

log = get_logger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """The rows of both tables at one time."""

    # Name -> whether it is off for everybody, and the percentage.
    states: Mapping[str, tuple[bool, int | None]] = field(default_factory=dict)
    # Name, kind and id of a user or group -> value.
    overrides: Mapping[tuple[str, str, str], bool] = field(default_factory=dict)


class Snapshots:
    """The snapshot of this process.

    While the database is down, the last one is used, or the defaults if there is none.
    """

    def __init__(self) -> None:
        self.last = Snapshot()
        self._cached: RowCache[str, Snapshot] = RowCache(
            1, ttl=load_settings(FlagSettings).cache_seconds
        )

    async def refresh(self, reader: Reader) -> None:
        """Read the tables, if the snapshot is too old."""
        if _ALL in self._cached:
            return
        since = self._cached.evictions
        try:
            found = _snapshot(await reader.rows(_STATES), await reader.rows(_OVERRIDES))
        except OUTAGES as error:
            found = self._on_outage(error)
        self._store(found, since)

    def refresh_blocking(self) -> None:
        """Do the same in a process without an event loop."""
        if _ALL in self._cached:
            return
        since = self._cached.evictions
        try:
            with sync_session() as session:
                connection = session.connection()
                found = _snapshot(
                    [dict(row) for row in connection.execute(_STATES).mappings()],
                    [dict(row) for row in connection.execute(_OVERRIDES).mappings()],
                )
        except OUTAGES as error:
            found = self._on_outage(error)
        self._store(found, since)

    def evict(self) -> None:
        """Read the tables at the next use, because this process has changed them."""
        self._cached.evict(_ALL)

    def _store(self, found: Snapshot, since: int) -> None:
        if since == self._cached.evictions:
            self._cached[_ALL] = found
        elif _ALL in self._cached:
            return  # a read that began after the change is done already, and newer
        self.last = found

    def _on_outage(self, error: Exception) -> Snapshot:
        log.warning("flags_not_read", error=f"{type(error).__name__}: {error}"[:300])
        return self.last


def _snapshot(
    found: Sequence[Mapping[str, Any]], different: Sequence[Mapping[str, Any]]
) -> Snapshot:
    return Snapshot(
        {row["name"]: (row["killed"], row["percentage"]) for row in found},
        {
            (row["name"], str(row["kind"]), str(row["subject_id"])): row["value"]
            for row in different
        },
    )


SNAPSHOTS = Snapshots()
