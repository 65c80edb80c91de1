"""The dev stack of an installed project: start, stop, and access to its API and database."""

import os
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

from support.commands import outside, run

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


def eventually(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait until a condition is true.

    Raises:
        AssertionError: it was not true in time.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition was not true in time"
        time.sleep(0.1)


def first_admin(project: Path) -> tuple[str, str]:
    """Email and password of the admin that `app dev` created."""
    lines = (project / ".env").read_text("utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if line.startswith("FIRST_ADMIN_"))
    return values["FIRST_ADMIN_EMAIL"], values["FIRST_ADMIN_PASSWORD"]


def demo_client(stack: DevStack) -> httpx.Client:
    """A client of the API that is signed in as the demo user."""
    token = run(["uv", "run", "--quiet", "app", "token", "--quiet"], stack.project).strip()
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=stack.url, headers=headers, timeout=30)


def feature_path(project: Path, person: httpx.Client, feature: str) -> str:
    """The path of a feature of the team; of rows of organizations, those of the person alone."""
    routes = project / "app/features" / feature / "routes.py"
    if "organizations/{organization}/" not in routes.read_text("utf-8"):
        return f"/api/v1/{feature}"
    personal = person.post("/api/v1/organizations/personal").json()
    return f"/api/v1/organizations/{personal['slug']}/{feature}"


def create_entry(stack: DevStack, feature: str) -> None:
    """Create an entry of a feature that `app feature new` wrote, as the demo user."""
    with demo_client(stack) as client:
        path = feature_path(stack.project, client, feature)
        created = client.post(path, json={"title": "Kept"})
    assert created.status_code == httpx.codes.CREATED, created.text


def table_rows(project: Path) -> dict[str, int]:
    """The number of rows of each table of the running database, without Alembic's tables."""
    code = """
import pathlib, psycopg
lines = pathlib.Path(".dev/env").read_text().splitlines()
url = dict(line.split("=", 1) for line in lines if not line.startswith("#"))["DATABASE_URL"]
with psycopg.connect(url) as connection:
    names = connection.execute("select tablename from pg_tables where schemaname = 'app'")
    for (name,) in sorted(names.fetchall()):
        print(name, connection.execute(f'select count(*) from app."{name}"').fetchone()[0])
"""
    output = run(["uv", "run", "--quiet", "python", "-c", code], project)
    found = {name: int(count) for name, count in map(str.split, output.splitlines())}
    return {name: count for name, count in found.items() if not name.startswith("alembic_")}
