"""The scheduler that beat runs: Celery's own, with its file to itself."""

import fcntl
from pathlib import Path
from typing import IO

from celery.beat import PersistentScheduler

# Kept for the life of the process: the kernel lets go of a lock, however that ends.
_locks: dict[Path, IO[str]] = {}


class FileScheduler(PersistentScheduler):
    """Remembers in a file when what was started, and lets no second beat have that file.

    Two would start everything twice; and a second one may take the open file for a broken one, and
    delete it.
    """

    schedule_filename: str

    def setup_schedule(self) -> None:
        """Take the file, then read it; ends the process with a sentence if another beat has it."""
        path = Path(f"{self.schedule_filename}.lock")
        # A signal in this moment makes Celery build a second scheduler in the same process.
        if path not in _locks:
            _locks[path] = path.open("a")
            try:
                fcntl.flock(_locks[path], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SystemExit(
                    f"Error: another beat runs with {self.schedule_filename}, and two would start "
                    "everything twice: stop that one, or leave this one out."
                ) from None
        super().setup_schedule()
