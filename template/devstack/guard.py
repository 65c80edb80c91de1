"""Ends what a killed dev stack leaves behind; runs as `python -I -S guard.py PROJECT`.

The stack writes `+PID SIGNAL` for each child it starts and `-PID` for each that has ended. When the
pipe closes, the stack is gone: every child still listed gets its signal, and once they have ended,
or after a few seconds, their whole groups are killed. A normal stop leaves nothing listed.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable

GRACE_SECONDS = 4.0


def lives(pid: int) -> bool:
    """Tell whether a process is still there."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def send(how: Callable[[int, int], None], pid: int, number: int) -> None:
    """Signal a process or group that may have ended by itself."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        how(pid, number)


def main() -> None:
    """Follow the stack's list until the stack is gone, then end who is left."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    children: dict[int, int] = {}
    for line in sys.stdin:
        pid, _, end = line[1:].strip().partition(" ")
        if line.startswith("+"):
            children[int(pid)] = int(end)
        else:
            children.pop(int(pid), None)
    for child, number in children.items():
        send(os.kill, child, number)
    deadline = time.monotonic() + GRACE_SECONDS
    while any(map(lives, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for child in children:
        send(os.killpg, child, signal.SIGKILL)


if __name__ == "__main__":
    main()
