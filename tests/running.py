"""A rendered project that is installed, and its dev stack while it runs."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from filelock import FileLock
from harness import ROOT, commit, constrain, outside, run

from scripts.matrix import questions

# Generous: a cold start unpacks Postgres and creates a database on a busy machine.
START_SECONDS = 120
STOP_SECONDS = 30


@dataclass(frozen=True)
class DevStack:
    """`uv run app dev` of a project: its address, its log, and the mark its processes carry."""

    project: Path
    url: str
    log: Path
    process: subprocess.Popen[bytes]
    mark: str

    def left(self) -> list[str]:
        """Command lines of the processes it has started that are still there (Linux only)."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (entry / "environ").read_bytes():
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if command:  # a zombie has none
                        found.append(command)
            except OSError:
                continue
        return found

    def stop(self) -> int:
        """Send SIGTERM, as a supervisor does, and give the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


def pythons() -> tuple[str, str]:
    """The oldest Python that projects run on, and the newest that uv finds on this machine."""
    listed = run(["uv", "python", "list", "--only-installed", "--output-format", "json"], ROOT)
    found = {
        (each["version_parts"]["major"], each["version_parts"]["minor"])
        for each in json.loads(listed)
        if each["implementation"] == "cpython" and each["variant"] == "default"
    }
    choices = [str(choice) for choice in questions()["python_version"]["choices"]]
    usable = [choice for choice in choices if tuple(map(int, choice.split("."))) in found]
    return choices[0], (usable or choices)[-1]


def install(rendered: Path, folder: Path, python: str | None = None) -> Path:
    """A committed copy of a render in an environment of its own, in the tested versions."""
    shutil.copytree(rendered, folder)
    constrain(folder)
    if python:
        (folder / ".python-version").write_text(f"{python}\n")
    run(["uv", "sync", "--quiet"], folder)
    run(["git", "init", "--quiet"], folder)
    commit(folder, "Start from the template")
    return folder


def check_types(project: Path, shared: Path) -> None:
    """The types of an installed project are strict.

    mypy knows a file by what is in it, so with one cache most of a project is read already.
    """
    with FileLock(shared / "mypy.lock"):
        cache = str(shared / "mypy")
        run(["uv", "run", "--quiet", "mypy", "--strict"], project, MYPY_CACHE_DIR=cache)


@contextmanager
def borrowed(project: Path) -> Iterator[Path]:
    """An installed project to change things in; at the end it is as it was.

    Cheaper than a copy, whose environment would compile every package anew.
    """
    start = run(["git", "rev-parse", "HEAD"], project).strip()
    try:
        yield project
    finally:
        run(["git", "reset", "--quiet", "--hard", start], project)
        run(["git", "clean", "--quiet", "-ffdx", "--exclude", ".venv"], project)
        run(["uv", "sync", "--quiet"], project)


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def dev_stack(project: Path) -> Iterator[DevStack]:
    """Run `uv run app dev` until the API is ready; stop it at the end, whatever happened."""
    mark = f"TEMPLATE_TEST={uuid.uuid4()}"
    name, value = mark.split("=")
    port = free_port()
    log = project.parent / f"dev-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["uv", "run", "--quiet", "app", "dev", "--port", str(port)],
            cwd=project,
            env=outside() | {name: value},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    stack = DevStack(project, f"http://127.0.0.1:{port}", log, process, mark)
    try:
        wait_until_ready(stack)
        yield stack
    finally:
        if process.poll() is None:
            try:
                stack.stop()
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def first_admin(project: Path) -> tuple[str, str]:
    """Address and password of the admin that `app dev` has made."""
    lines = (project / ".env").read_text("utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if line.startswith("FIRST_ADMIN_"))
    return values["FIRST_ADMIN_EMAIL"], values["FIRST_ADMIN_PASSWORD"]


def wait_until_ready(stack: DevStack) -> None:
    """Raises AssertionError with the log if the stack ends, or is not ready in time."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert stack.process.poll() is None, stack.log.read_text("utf-8", "replace")
        try:
            if httpx.get(f"{stack.url}/health/ready", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(stack.log.read_text("utf-8", "replace"))


def eventually(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait until something is true.

    Raises:
        AssertionError: it did not come true in time.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.1)
