"""Every object, in memory and in one SQLite file."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from devstack.errors import DevStackError

Json = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    id TEXT PRIMARY KEY, position INTEGER NOT NULL, body TEXT NOT NULL
)
"""
# A process that is killed loses no commit with it. Only a power failure can.
PRAGMAS = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL")


class Store:
    """Objects by id. They are changed only inside `transaction`.

    Args:
        path: the file; None keeps the objects only in memory.

    Raises:
        DevStackError: the file is damaged.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._objects: dict[str, Json] = {}
        self._kinds: dict[str, dict[str, Json]] = {}
        self._positions: dict[str, int] = {}
        self._last = 0
        # Objects as they were at the start of the transaction, None if they are new.
        self._before: dict[str, str | None] = {}
        self._depth = 0
        self._file = _open(path) if path else None
        if self._file is not None:
            self._load(self._file, path)

    def get(self, identity: str | None) -> Json | None:
        """Return an object."""
        return self._objects.get(identity or "")

    def all(self, kind: str) -> list[Json]:
        """Return the objects of a kind in the order of their creation."""
        return list(self._kinds.get(kind, {}).values())

    def add(self, item: Json) -> Json:
        """Add an object."""
        self._before.setdefault(item["id"], None)
        self._last += 1
        self._insert(item, self._last)
        return item

    def touch(self, item: Json) -> Json:
        """Announce a change of an object; call it before the change."""
        if item["id"] not in self._before:
            self._before[item["id"]] = json.dumps(item)
        return item

    def delete(self, item: Json) -> None:
        """Delete an object."""
        self.touch(item)
        del self._objects[item["id"]]
        del self._kinds[item["object"]][item["id"]]

    @contextlib.contextmanager
    def transaction(self) -> Iterator[list[Json]]:
        """Keep the changes of the block, or none of them after an exception.

        Yields a list, which holds the new and changed objects when the outermost block ends.
        """
        self._depth += 1
        changed: list[Json] = []
        try:
            yield changed
        except BaseException:
            if self._depth == 1:
                self._roll_back()
            raise
        else:
            if self._depth == 1:
                changed += self._commit()
        finally:
            self._depth -= 1

    @contextlib.contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Undo the changes of the block at its end. It may stand inside a transaction."""
        outer, self._before = self._before, {}
        last = self._last
        try:
            yield
        finally:
            self._roll_back()
            self._before, self._last = outer, last

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _insert(self, item: Json, position: int) -> None:
        self._objects[item["id"]] = item
        self._kinds.setdefault(item["object"], {})[item["id"]] = item
        self._positions[item["id"]] = position

    def _commit(self) -> list[Json]:
        changed = [self._objects[each] for each in self._before if each in self._objects]
        if self._file is not None and self._before:
            gone = [(each,) for each in self._before if each not in self._objects]
            rows = [(each["id"], self._positions[each["id"]], json.dumps(each)) for each in changed]
            with self._file:
                self._file.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", rows)
                self._file.executemany("DELETE FROM objects WHERE id = ?", gone)
        self._before = {}
        return changed

    def _roll_back(self) -> None:
        for identity, before in self._before.items():
            item = self._objects.get(identity)
            if before is None:
                if item is not None:
                    del self._objects[identity]
                    del self._kinds[item["object"]][identity]
                continue
            old = json.loads(before)
            if item is None:
                self._restore(old)
                continue
            # The same dictionary, because others may refer to it.
            item.clear()
            item.update(old)
        self._before = {}

    def _restore(self, item: Json) -> None:
        """Insert a deleted object where it was."""
        self._insert(item, self._positions[item["id"]])
        ordered = sorted(self._kinds[item["object"]], key=self._positions.__getitem__)
        self._kinds[item["object"]] = {each: self._objects[each] for each in ordered}

    def _load(self, file: sqlite3.Connection, path: Path | None) -> None:
        try:
            file.execute(SCHEMA)
            rows = file.execute("SELECT position, body FROM objects ORDER BY position").fetchall()
            for position, body in rows:
                self._insert(json.loads(body), position)
                self._last = position
        except (sqlite3.DatabaseError, ValueError, KeyError) as error:
            raise DevStackError(
                f"{path} is no state of the local Stripe ({error}). Delete it, or start over with "
                "`uv run app dev --reset`."
            ) from None


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    path.touch(0o600)
    try:
        file = sqlite3.connect(path, check_same_thread=False)
        for pragma in PRAGMAS:
            file.execute(pragma)
    except sqlite3.DatabaseError as error:
        raise DevStackError(
            f"{path} is no state of the local Stripe ({error}). Delete it, or start over with "
            "`uv run app dev --reset`."
        ) from None
    return file
