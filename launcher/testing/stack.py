"""The dev stack of an installed project: start, stop, and access to its API and database."""

import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from launcher.testing.commands import outside

# Long enough for a first start on a busy machine, which unpacks Postgres and creates a database.
START_SECONDS = 120
STOP_SECONDS = 30


@dataclass(frozen=True)
class DevStack:
    """A running `uv run app dev`; `mark` is an environment variable that all its processes have."""

    project: Path
    url: str
    log: Path
    process: subprocess.Popen[bytes]
    mark: str

    def left(self) -> list[str]:
        """Command lines of its processes that still run (Linux only)."""
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
        """Send SIGTERM, as a process supervisor does, and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


def free_port() -> int:
    """A TCP port of the loopback interface on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def dev_stack(project: Path) -> Iterator[DevStack]:
    """Run `uv run app dev`, wait until the API is ready, and stop it at the end in every case."""
    mark = f"TEMPLATE_TEST={uuid.uuid4()}"
    name, value = mark.split("=")
    # Requests are counted as usual, and tests may send as many as they need.
    tiers = ",".join(f"{tier}=10000" for tier in ("anonymous", "user", "admin", "free"))
    port = free_port()
    log = project.parent / f"dev-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["uv", "run", "--quiet", "app", "dev", "--port", str(port)],
            cwd=project,
            env=outside() | {name: value, "LIMITS_TIERS": tiers},
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


def wait_until_ready(stack: DevStack) -> None:
    """Wait until the API reports that it is ready.

    Raises:
        AssertionError: the stack ended, or was not ready in time; the message holds the log.
    """
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
