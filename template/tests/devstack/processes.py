"""Lists the processes of this machine."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def commands() -> dict[int, str]:
    """Return the command line of every process, by pid."""
    if not Path("/proc/self/cmdline").exists():
        listing = subprocess.run(
            ["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True
        )
        rows = (line.split(maxsplit=1) for line in listing.stdout.splitlines())
        return {int(row[0]): row[1] for row in rows if len(row) > 1}
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:  # The process has just ended.
            continue
        found[int(path.parent.name)] = b" ".join(words).decode(errors="replace").strip()
    return found


def mentioning(folder: Path) -> dict[int, str]:
    """Return the processes whose command line contains the path of `folder`."""
    return {pid: command for pid, command in commands().items() if str(folder) in command}


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait until a condition is true; return False after a timeout."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
