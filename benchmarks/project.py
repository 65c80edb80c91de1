"""A rendered project to measure, and its processes."""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.harness import constrain, render, run, snapshot

HERE = Path(__file__).parent
START_SECONDS = 60.0


@dataclass(frozen=True)
class Services:
    """What an API process needs to run, and a token to ask it with."""

    environment: dict[str, str]
    token: str


@contextlib.contextmanager
def project_folder(given: Path | None) -> Iterator[Path]:
    """The project at `given`, or a new one of the minimal preset, with its environment installed."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        project = given.absolute() if given else new_project(Path(folder))
        run(["uv", "sync", "--quiet"], project)
        # Compiled once: what is measured is neither the first import nor a cold package.
        run([python_of(project), "-m", "compileall", "-q", "app", "devstack"], project)
        yield project


def new_project(folder: Path) -> Path:
    """Render the working tree, with the libraries' versions that the tests ran with."""
    project = render(snapshot(folder / "template"), folder / "project", {"preset": "minimal"})
    constrain(project)
    return project


def python_of(project: Path) -> str:
    """The interpreter of the project's environment."""
    return str(project / ".venv" / "bin" / "python")


@contextlib.contextmanager
def services(project: Path) -> Iterator[Services]:
    """Postgres, Valkey and the local Supabase, with users and items."""
    command = [python_of(project), str(HERE / "services.py")]
    path = {"PYTHONPATH": str(project)}
    with subprocess.Popen(
        command,
        cwd=project,
        env=clean_environment() | path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout and process.stdin
        line = process.stdout.readline()
        if not line:
            raise SystemExit("The services did not start; their reason stands above.")
        try:
            yield Services(**json.loads(line))
        finally:
            process.stdin.close()


@contextlib.contextmanager
def api(
    project: Path, environment: dict[str, str], module: str = "app.main:app", folder: Path | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """One API process on a free port, as a deployment runs it, its log in a file."""
    port = free_port()
    command = [python_of(project), "-m", "uvicorn", module, "--port", str(port), "--no-access-log"]
    command += ["--app-dir", str(folder or project), "--log-level", "warning"]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            command, cwd=project, env=clean_environment() | environment, stderr=log
        ) as process,
    ):
        try:
            wait_for_port(port, process)
            yield process, port
        finally:
            process.terminate()


def clean_environment() -> dict[str, str]:
    """This process's, without what would point into this repository's own environment."""
    return {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when somebody listens there.

    Raises:
        SystemExit: the process ended, or nobody listens after a minute.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    raise SystemExit(f"{' '.join(map(str, process.args))} did not start.")


def get(url: str, token: str | None = None) -> tuple[dict[str, str], bytes]:
    """Headers, names in lower case, and body of an answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return {name.lower(): value for name, value in answer.headers.items()}, answer.read()
