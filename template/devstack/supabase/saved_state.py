"""State that is kept in memory and, across restarts, in one JSON file."""

import contextlib
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from devstack.errors import DevStackError
from devstack.files import write_private


class SavedState(ABC):
    """Reads its file once, and writes it after each change."""

    def __init__(self, path: Path | None) -> None:
        """Read the state.

        Args:
            path: the file; None keeps the state only in memory.

        Raises:
            DevStackError: the file is damaged.
        """
        self._path = path
        self._lock = threading.RLock()
        if path is None or not path.exists():
            return
        try:
            self._load(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DevStackError(
                f"{path} is no state of the local Supabase ({error}). Delete it, or start over "
                "with `uv run app dev --reset`."
            ) from None

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """Lock the state for a change, and save it at the end; not after an exception."""
        with self._lock:
            yield
            if self._path is not None:
                self._path.parent.mkdir(0o700, parents=True, exist_ok=True)
                write_private(self._path, json.dumps(self._dump(), indent=1))

    @abstractmethod
    def _dump(self) -> dict[str, Any]:
        """Return the state as JSON."""

    @abstractmethod
    def _load(self, state: dict[str, Any]) -> None:
        """Set the state from JSON."""
