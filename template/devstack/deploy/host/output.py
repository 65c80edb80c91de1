"""What people see, and the same in a file: the connection may end before the work does."""

import sys
import time
from pathlib import Path

_file: list[Path] = []


def keep_in(file: Path) -> None:
    """Write all further lines to a file as well, which only root reads: it has lines of logs."""
    file.touch(0o600)
    _file[:] = [file]


def say(text: str) -> None:
    """Print a line, unless it is empty."""
    if not text:
        return
    try:
        print(text, flush=True)
    except OSError:
        # Nobody listens any more. Python must not fail on this again at its end.
        sys.stdout = sys.stderr = None
    for file in _file:
        with file.open("a", encoding="utf-8") as opened:
            opened.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n")


def phase(name: str, text: str) -> None:
    """Print that a phase begins."""
    say(f"==> {name}: {text}")
