"""File locks, and the lock that allows one dev stack per project folder."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from devstack.errors import DevStackError

POLL_SECONDS = 0.02


@contextlib.contextmanager
def locked(path: Path, refusal: Callable[[str], str], patience: float = 0) -> Iterator[int]:
    """Lock a file, and return its descriptor; the lock ends when no process has it open any more.

    Raises:
        DevStackError: the file is still locked after `patience` seconds; `refusal` makes the
            message from the content of the file.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise DevStackError(refusal(path.read_text(encoding="utf-8"))) from None
            time.sleep(POLL_SECONDS)
        yield descriptor
    finally:
        os.close(descriptor)


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
    with locked(path, _refusal) as descriptor:
        lock = FolderLock(descriptor)
        lock.publish("")
        yield lock


def _refusal(content: str) -> str:
    try:
        owner = json.loads(content)
        address = f"at {owner['address']}" if owner["address"] else "still starting"
        where = f" (process {owner['pid']}, {address})"
    except ValueError:  # The other process is writing the file.
        where = ""
    return (
        f"`app dev` already runs in this folder{where}. Use that one, or stop it first (Ctrl-C in "
        "its terminal)."
    )
