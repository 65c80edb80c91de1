"""`python3 FILE COMMAND PLACE ARGUMENTS`, the last two as JSON."""

import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from devstack.deploy.host import phases, setup, status, units
from devstack.deploy.host.errors import HostError
from devstack.deploy.host.lock import locked
from devstack.deploy.host.output import keep_in, say
from devstack.deploy.host.place import Place


def main() -> None:
    """Run the command; exit code 1 if it fails."""
    # The processes and Caddy have to read what root writes here.
    os.umask(0o022)
    # What has begun goes on, even if the connection ends.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with contextlib.suppress(PermissionError):
        os.setsid()
    command, values, arguments = sys.argv[1], *map(json.loads, sys.argv[2:4])
    try:
        _run(command, Place(**values), arguments)
    except (HostError, OSError) as error:
        say(f"Error: {error}")
        sys.exit(1)
    finally:
        Path(sys.argv[0]).unlink(missing_ok=True)


def _run(command: str, place: Place, arguments: dict[str, Any]) -> None:
    match command:
        case "setup":
            setup.setup(place)
        case "status":
            status.status(place)
        case "deploy":
            with locked(place, f"deploy of {arguments['release']}"):
                keep_in(place.home / "deploy.log")
                units.write(place)
                phases.deploy(place, **arguments)
        case "rollback":
            with locked(place, "rollback"):
                keep_in(place.home / "deploy.log")
                phases.rollback(place, **arguments)
