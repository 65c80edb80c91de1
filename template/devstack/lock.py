"""File locks, and the lock that allows one dev stack per project folder."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from devstack.errors import DevStackError

POLL_SECONDS = 0.02


def lock_or_raise(path: Path, patience: float = 0) -> int:
    """Lock a file, and return its descriptor; the lock ends when no process has it open any more.

    Raises:
        BlockingIOError: the file is still locked after `patience` seconds.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise
        time.sleep(POLL_SECONDS)


def overwrite(descriptor: int, text: str) -> None:
    """Replace the content of a locked file."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


class FolderLock:
    """The lock of a project folder. It ends with the process, even if that is killed."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def publish(self, address: str) -> None:
        """Write pid and address into the lock file, for a second process that tries to start."""
        overwrite(self._descriptor, json.dumps({"pid": os.getpid(), "address": address}))


def lock_file(root: Path) -> Path:
    """Return the path of the lock of a project folder."""
    return root / ".dev" / "lock"


def api_address(root: Path) -> str:
    """Read the address of the API that runs now; empty while it is unknown."""
    try:
        return str(json.loads(lock_file(root).read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError):
        return ""


@contextlib.contextmanager
def folder_lock(root: Path) -> Iterator[FolderLock]:
    """Hold the lock of a project folder.

    Raises:
        DevStackError: another dev stack runs in this folder; the message has its pid and address.
    """
    path = lock_file(root)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        descriptor = lock_or_raise(path)
    except BlockingIOError:
        raise DevStackError(
            f"`app dev` already runs in this folder{_describe_owner(path)}. Use that one, or stop "
            "it first (Ctrl-C in its terminal)."
        ) from None
    try:
        lock = FolderLock(descriptor)
        lock.publish("")
        yield lock
    finally:
        os.close(descriptor)


def _describe_owner(path: Path) -> str:
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # The other process is writing it.
        return ""
    address = f" at {owner['address']}" if owner["address"] else ", still starting"
    return f" (process {owner['pid']}{address})"
