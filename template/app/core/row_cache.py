"""A cache of rows that may change while they are read."""

from typing import TypeVar

from cachetools import TTLCache

Key = TypeVar("Key")
Row = TypeVar("Row")


class RowCache(TTLCache[Key, Row]):
    """Rows by key, for some seconds.

    A read that began before a change may return the old row after the change has evicted it. So
    whoever reads compares `evictions` before and after, and only caches a row if they are equal.
    """

    evictions = 0

    def evict(self, key: Key) -> None:
        """Remove a row that has changed."""
        self.evictions += 1
        self.pop(key, None)
