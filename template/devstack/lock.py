"""One dev stack per project folder."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from devstack.errors import DevStackError


class FolderLock:
    """Held through an open file, so it ends with the process, however that ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def tell(self, address: str) -> None:
        """Leave pid and address for whoever comes second."""
        text = json.dumps({"pid": os.getpid(), "address": address}).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)


def lock_file(root: Path) -> Path:
    """Say where the lock of a project folder is."""
    return root / ".dev" / "lock"


def running_at(root: Path) -> str:
    """Read the address of the API that runs now; empty before it is known."""
    try:
        return str(json.loads(lock_file(root).read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError):
        return ""


@contextlib.contextmanager
def folder_lock(root: Path) -> Iterator[FolderLock]:
    """Hold the lock of a project folder.

    Raises:
        DevStackError: another dev stack runs there; the text says which and where.
    """
    path = lock_file(root)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DevStackError(
                f"`app dev` already runs in this folder{_whereabouts(path)}. Use that one, or stop "
                "it first (Ctrl-C in its terminal)."
            ) from None
        lock = FolderLock(descriptor)
        lock.tell("")
        yield lock
    finally:
        os.close(descriptor)


def _whereabouts(path: Path) -> str:
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # Caught in the moment it is written.
        return ""
    address = f" at {owner['address']}" if owner["address"] else ", still starting"
    return f" (process {owner['pid']}{address})"
