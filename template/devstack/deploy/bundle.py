"""Packs `host/` into one file that a Python without packages runs."""

import io
import json
import shlex
import zipfile
from pathlib import Path
from typing import Any

from devstack.deploy.settings import DeploySettings
from devstack.deploy.ssh import Host

FOLDER = Path(__file__).with_name("host")
PACKAGE = "devstack/deploy/host"
MAIN = "from devstack.deploy.host.program import main\n\nmain()\n"
# What the host needs to know.
KEYS = {
    *("name", "folder", "user", "domain", "root", "backup", "keep"),
    *("health_seconds", "watch_seconds"),
}


def bundle() -> bytes:
    """Return the archive, which `python3 FILE` runs."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("__main__.py", MAIN)
        for name in ("devstack", "devstack/deploy"):
            archive.writestr(f"{name}/__init__.py", "")
        for path in sorted(FOLDER.rglob("*")):
            if path.suffix in (".py", ".service"):
                archive.write(path, f"{PACKAGE}/{path.relative_to(FOLDER)}")
    return data.getvalue()


def run_there(settings: DeploySettings, command: str, **arguments: Any) -> int:
    """Run a command of the host program, and return its exit code.

    The program deletes its file. It goes on if the connection ends.

    Raises:
        CliError: there is no connection.
    """
    place = settings.model_dump(include=KEYS)
    words = shlex.join([command, json.dumps(place), json.dumps(arguments)])
    script = f'file=$(mktemp) && cat > "$file" && exec python3 "$file" {words}'
    return Host(settings).send(script, bundle())
