"""The rendered project that is measured, and its processes."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The helpers of the tests render, install and run a project.
sys.path.append(str(HERE.parent / "tests"))

from support.commands import run  # noqa: E402
from support.project import constrain, install  # noqa: E402
from support.rendering import render  # noqa: E402
from support.snapshot import snapshot  # noqa: E402
from support.stack import dev_stack, free_port  # noqa: E402

__all__ = [
    "ANSWERS",
    "HERE",
    "Services",
    "child",
    "constrain",
    "dev_stack",
    "load_average",
    "project_folder",
    "python_of",
    "render",
    "run",
    "server",
    "services",
    "snapshot",
]

ANSWERS = {"preset": "minimal"}
START_SECONDS = 60.0

# Every child runs as on a developer's machine: in the project's own environment, and with compiled
# files kept, which containers often forbid.
for name in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"):
    os.environ.pop(name, None)


@dataclass(frozen=True)
class Services:
    """What an API process needs to run, and what to ask it.

    `token` is that of a user with items, of which `item` is one; `writer` that of a user who adds
    items, so that the lists of the first keep their length.
    """

    environment: dict[str, str]
    token: str
    writer: str
    item: str


@contextlib.contextmanager
def project_folder(given: Path | None = None, **answers: object) -> Iterator[Path]:
    """The project at `given`, or a new one of these answers, with its environment installed."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        if given:
            project = given.absolute()
            run(["uv", "sync", "--quiet"], project)
        else:
            rendered = render(
                snapshot(Path(folder) / "template"), Path(folder) / "render", ANSWERS | answers
            )
            project = install(rendered, Path(folder) / "project")
        yield project


def python_of(project: Path) -> str:
    """The interpreter of the project's environment."""
    return str(project / ".venv" / "bin" / "python")


@contextlib.contextmanager
def services(project: Path) -> Iterator[Services]:
    """Postgres, Valkey and the local Supabase, with users and items.

    Raises:
        SystemExit: they do not start.
    """
    with subprocess.Popen(
        [python_of(project), str(HERE / "services.py")],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdin
        if not (line := process.stdout.readline()):
            raise SystemExit("The services did not start: the reason stands above.")
        try:
            yield Services(**json.loads(line))
        finally:
            process.stdin.close()


@contextlib.contextmanager
def server(
    project: Path, environment: dict[str, str], module: str = "app.main:app", folder: str = "."
) -> Iterator[tuple[int, int]]:
    """One uvicorn process as a deployment runs it, its log in a file: pid and port.

    Raises:
        SystemExit: it does not start.
    """
    port = free_port()
    options = ["--port", str(port), "--app-dir", folder, "--no-access-log", "--log-level=warning"]
    command = [python_of(project), "-m", "uvicorn", module, *options]
    with (
        tempfile.TemporaryFile() as log,
        child(command, project, environment, stderr=log) as process,
    ):
        deadline = time.monotonic() + START_SECONDS
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise SystemExit(f"{module} did not start:\n{log.read().decode()}")
            time.sleep(0.05)
        yield process.pid, port


@contextlib.contextmanager
def child(
    command: list[str], project: Path, environment: dict[str, str], **streams: object
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is asked to end at the end."""
    with subprocess.Popen(
        command,
        cwd=project,
        env=os.environ | environment,
        **streams,  # type: ignore[call-overload]
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def answers(port: int) -> bool:
    """Whether an API answers on 127.0.0.1."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def load_average() -> str:
    """How busy the machine was over the last minute; to be said beside every figure."""
    return f"Load average: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
