"""Stops the processes of a killed dev stack; runs as `python -I -S guard.py PROJECT`.

The stack writes `+PID SIGNAL` to standard input for each child that it starts, and `-PID` for each
child that has ended. When the pipe closes, the stack has ended: each child that is still listed
gets its signal. When they have ended, or after a few seconds, their process groups are killed.
After a normal stop, no child is listed.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable

GRACE_SECONDS = 4.0


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def send(kill: Callable[[int, int], None], pid: int, number: int) -> None:
    """Send a signal to a process or group, if it still exists."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        kill(pid, number)


def main() -> None:
    """Read the list until the stack has ended, then stop the children that are left."""
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
    while any(map(is_alive, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for child in children:
        send(os.killpg, child, signal.SIGKILL)


if __name__ == "__main__":
    main()
