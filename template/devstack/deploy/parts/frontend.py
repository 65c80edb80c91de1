"""The frontend, built on this machine: the host needs no Node."""

import shutil
import subprocess
import sys
from pathlib import Path

from app.core.cli.errors import CliError
from devstack.deploy.parts import Part
from devstack.node import web_folder


def _make(root: Path) -> Path:
    if subprocess.run(
        [sys.executable, "-m", "app", "web", "build"], cwd=root, check=False
    ).returncode:
        raise CliError("The frontend could not be built.")
    folder = web_folder(root) / "build"
    # Source maps would show the source to everybody.
    for name in ("maps", "server"):
        shutil.rmtree(folder / name, ignore_errors=True)
    return folder


PART = Part("frontend", "FRONTEND_FOLDER", make=_make)
