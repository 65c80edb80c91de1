"""Look at the processes of this machine."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def commands() -> dict[int, str]:
    """Pid -> command line of every process."""
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
        except OSError:  # It has just ended.
            continue
        found[int(path.parent.name)] = b" ".join(words).decode(errors="replace").strip()
    return found


def mentioning(folder: Path) -> dict[int, str]:
    """Those whose command line names something in `folder`."""
    return {pid: command for pid, command in commands().items() if str(folder) in command}


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait for a condition; False if it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
