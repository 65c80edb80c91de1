"""The dev stack of an installed project, and access to its API and database."""

import time
from collections.abc import Callable
from pathlib import Path

import httpx

from launcher.testing.stack import (
    START_SECONDS,
    STOP_SECONDS,
    DevStack,
    dev_stack,
    free_port,
    wait_until_ready,
)
from support.commands import run

__all__ = [
    "START_SECONDS",
    "STOP_SECONDS",
    "DevStack",
    "create_entry",
    "demo_client",
    "dev_stack",
    "eventually",
    "feature_path",
    "first_admin",
    "free_port",
    "table_rows",
    "wait_until_ready",
]


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


SAMPLE_ITEMS = 3  # which the first start of `app dev` adds: see the seeds of the items


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
