"""Programs of the host, and those of a release."""

import os
import pwd
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devstack.deploy.host.errors import HostError
from devstack.deploy.host.place import Place

# The development stack in a release, where the app itself does not find it.
TOOLS = "tools"
# Without what the connection has brought along.
KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR")


def run(
    *command: str,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
) -> str:
    """Run a program, as another user if one is given, and return its output.

    Raises:
        HostError: it fails; the message has its last lines.
    """
    given = {name: os.environ[name] for name in KEPT if name in os.environ}
    try:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command,
            cwd=folder,
            env={**given, "HOME": str(Path.home()), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **_identity(user),
        )
    except FileNotFoundError as error:
        raise HostError(f"{error.filename} is not there. Run `uv run app deploy setup`.") from None
    if done.returncode:
        lines = done.stdout.strip().splitlines()[-20:]
        raise HostError("\n".join([f"`{' '.join(command[:4])}` has failed:", *lines]))
    return done.stdout


def app(place: Place, release: str, *arguments: str) -> str:
    """Run a command of `app` in a release, as the user of the processes."""
    return _in_release(place, release, "app", *arguments)


def python(place: Place, release: str, *arguments: str) -> str:
    """Run Python in a release, as that user, with the development stack in its path."""
    return _in_release(place, release, "python", *arguments, PYTHONPATH=TOOLS)


def _in_release(
    place: Place, release: str, program: str, *arguments: str, **environment: str
) -> str:
    folder = place.release(release)
    given = {"HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"} | environment
    command = str(folder / ".venv/bin" / program)
    return run(command, *arguments, folder=folder, environment=given, user=place.user)


def own(path: Path, user: str) -> None:
    """Give a file to a user, if this process may."""
    if os.geteuid() == 0:
        entry = _entry(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def _identity(user: str | None) -> dict[str, Any]:
    if user is None or os.geteuid() != 0:
        return {}
    entry = _entry(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _entry(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise HostError(f"There is no user {user}. Run `uv run app deploy setup`.") from None
