"""One deploy at a time on a host."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from devstack.deploy.host.errors import HostError
from devstack.deploy.host.place import Place


@contextmanager
def locked(place: Place, text: str) -> Iterator[None]:
    """Hold the lock of the host. The kernel takes it back, however this process ends.

    Raises:
        HostError: another process holds it; the message says what it does.
    """
    path = place.home / ".lock"
    if not place.home.is_dir():
        raise HostError("The machine is not prepared: run `uv run app deploy setup`.")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HostError(f"Another one runs ({path.read_text()}). Wait for its end.") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{text}, process {os.getpid()}".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(place: Place) -> str | None:
    """What the process says that holds the lock."""
    path = place.home / ".lock"
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return path.read_text()
    finally:
        os.close(descriptor)
    return None
