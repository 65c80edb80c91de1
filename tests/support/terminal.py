"""A program in a terminal that a test reads and types into."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 60


@dataclass
class Terminal:
    """A running program; `shown` is everything that it has printed."""

    process: subprocess.Popen[bytes]
    leader: int
    shown: str = field(default="")

    def read_until(self, text: str) -> None:
        """Wait for a text that was not shown before the call.

        Raises:
            AssertionError: it did not appear in time, or the program ended.
        """
        seen = len(self.shown)
        end = time.monotonic() + SECONDS
        while text not in self.shown[seen:]:
            assert time.monotonic() < end, f"{text!r} did not appear: {self.shown}"
            if select.select([self.leader], [], [], 1)[0]:
                try:
                    self.shown += os.read(self.leader, 65536).decode("utf-8", "replace")
                except OSError:  # the process ended and closed its terminal
                    assert text in self.shown[seen:], self.shown
                    return

    def press(self, keys: bytes) -> None:
        """Type keys: a carriage return is Enter, and the byte 3 is Ctrl-C."""
        os.write(self.leader, keys)


@contextmanager
def terminal(command: list[str], folder: Path, columns: int = 200) -> Iterator[Terminal]:
    """Run a command in a terminal of its own, and kill it at the end if it still runs."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": str(columns)},
        start_new_session=True,
    )
    os.close(follower)
    try:
        yield Terminal(process, leader)
    finally:
        process.kill()
        process.wait()
        os.close(leader)
