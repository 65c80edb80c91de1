"""Celery's own scheduler, which keeps its times in a file, with a lock for that file."""

import fcntl
from pathlib import Path
from typing import IO

from celery.beat import PersistentScheduler

# Open until the process ends: the kernel then releases the lock, however the process ends.
_locks: dict[Path, IO[str]] = {}


class FileScheduler(PersistentScheduler):
    """Refuses to start if another beat uses the file.

    Two beats would start every task twice, and the second one may delete the file that the first
    one has open, because it looks broken.
    """

    schedule_filename: str

    def setup_schedule(self) -> None:
        """Lock the file and read it. Exit with a message if another beat has locked it."""
        path = Path(f"{self.schedule_filename}.lock")
        # Celery builds a second scheduler in the same process if a signal arrives at this moment.
        if path not in _locks:
            _locks[path] = path.open("a")
            try:
                fcntl.flock(_locks[path], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SystemExit(
                    f"Error: another beat uses {self.schedule_filename}, and two would start every "
                    "task twice. Stop the other one, or do not start this one."
                ) from None
        super().setup_schedule()
