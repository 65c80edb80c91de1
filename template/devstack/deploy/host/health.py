"""Whether the processes of a release work."""

import http.client
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from devstack.deploy.host import units
from devstack.deploy.host.errors import HostError
from devstack.deploy.host.place import Place

POLL_SECONDS = 0.1
# Longer than the checks of /health/ready take at most.
TIMEOUT = 5.0


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, host: str) -> None:
        super().__init__(host, timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(str(self._path))


def wait_for_api(place: Place, release: str) -> None:
    """Return as soon as the API of a release can serve.

    Raises:
        HostError: it has ended, or it cannot serve in time.
    """
    _wait(place, "api", release, lambda: problem(place, release))


def wait_for_worker(place: Place, release: str) -> None:
    """Return as soon as the worker of a release takes tasks.

    Raises:
        HostError: it has ended, or takes none in time.
    """
    alive = place.runtime("worker", release) / "alive"
    _wait(place, "worker", release, lambda: None if alive.exists() else "it takes no tasks yet")


def watch(place: Place, release: str) -> None:
    """Look for some seconds whether a release goes on to work.

    Raises:
        HostError: a process has ended, or the API cannot serve.
    """
    deadline = time.monotonic() + place.watch_seconds
    while True:
        for kind in ("api", "worker"):
            units.require_undisturbed(place, kind, release)
        if found := problem(place, release):
            raise HostError(f"The API of {release} cannot serve any more: {found}.")
        if time.monotonic() >= deadline:
            return
        time.sleep(POLL_SECONDS)


def problem(place: Place, release: str) -> str | None:
    """Ask an API whether it can serve; return what is wrong."""
    address = place.domain if "//" in place.domain else f"//{place.domain}"
    host = urlsplit(address).hostname or ""
    connection = _SocketConnection(place.socket(release), host)
    try:
        connection.request("GET", "/health/ready")
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        return f"it does not answer ({type(error).__name__})"
    finally:
        connection.close()
    if response.status == http.client.OK:
        return None
    return f"/health/ready answers {response.status}{_reasons(body)}"


def _reasons(body: bytes) -> str:
    try:
        checks = json.loads(body)["checks"]
        wrong = [f"{name} {check['detail']}" for name, check in checks.items() if not check["ok"]]
    except (ValueError, KeyError, TypeError):
        return "; is the domain in ALLOWED_HOSTS?"
    return f" ({', '.join(wrong)})"


def _wait(place: Place, kind: str, release: str, ask: Callable[[], str | None]) -> None:
    deadline = time.monotonic() + place.health_seconds
    while found := ask():
        units.require_undisturbed(place, kind, release)
        if time.monotonic() >= deadline:
            name = units.unit(place, kind, release)
            raise HostError(
                f"{name} does not work after {place.health_seconds:g} seconds: {found}. Its last "
                f"lines:\n{units.last_lines(name)}"
            )
        time.sleep(POLL_SECONDS)
