"""The commands of docs/production.md, one after the other, on services of this machine with TLS."""

import asyncio
import os
import re
import shlex
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from devstack.ports import free_port
from devstack.supabase import LocalSupabase
from tests.core.database.front import Authority, authority, http_front
from tests.support import databases
from tests.support.processes import PROJECT, eventually, running

pytestmark = pytest.mark.slow

PAGE = (PROJECT / "docs/production.md").read_text("utf-8")
# Programs of other machines.
ELSEWHERE = ("docker ", "uv run app ci")
SECRET = "correct horse battery"
SETTINGS = re.search(r"^```ini\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The commands of the page, in their order."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if not line.startswith(ELSEWHERE)]


@pytest.fixture
def https(tmp_path: Path, supabase: LocalSupabase) -> Iterator[tuple[str, Path]]:
    """The address of the local Supabase behind TLS, and the CA of its certificate."""
    ca: Authority = authority("Test CA")
    file = tmp_path / "ca.pem"
    file.write_text(ca.pem)
    port = urlsplit(supabase.url).port
    assert port
    with http_front(ca.context(tmp_path, "localhost"), port) as front:
        yield f"https://localhost:{front}", file


@pytest.fixture
def checkout(tmp_path: Path, supabase: LocalSupabase, https: tuple[str, Path]) -> Iterator[Path]:
    """A folder with the code and the settings of two environments, each with its own database."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("app", "devstack", "alembic.ini", ".env.example"):
        (folder / name).symlink_to(PROJECT / name)
    assert SETTINGS
    with (
        databases.temporary(databases.EMPTY) as production,
        databases.temporary(databases.EMPTY) as staging,
    ):
        for name, url in (("production", production), ("staging", staging)):
            values = {
                "ENVIRONMENT": name,
                "DATABASE_URL": url,
                "DB_SSL_ROOT_CERT": str(https[1]),
                "REDIS_URL": os.environ["REDIS_URL"],
                "SUPABASE_URL": https[0],
                "SUPABASE_PUBLISHABLE_KEY": os.environ["SUPABASE_PUBLISHABLE_KEY"],
                "SUPABASE_SECRET_KEY": os.environ["SUPABASE_SECRET_KEY"],
                "SECRET_KEY": os.environ["SECRET_KEY"],
                "ALLOWED_HOSTS": "api.example.com,127.0.0.1",
            }
            # The page names exactly the settings that a project without options needs.
            named = [line.partition("=")[0] for line in SETTINGS[1].splitlines()]
            assert set(named) == set(values)
            # Options need more. The local Supabase says its own address in its tokens.
            values |= {"FEATURES": "users,tasks", "SUPABASE_JWT_ISSUER": f"{supabase.url}/auth/v1"}
            lines = "".join(f"{name}={value}\n" for name, value in values.items())
            (folder / f".env.{name}").write_text(lines)
        yield folder


def follow(command: str, folder: Path, ca: Path) -> str:
    """Run a command of the page as uv does, and return its output."""
    program, *arguments = shlex.split(command)
    assert [program, arguments.pop(0)] == ["uv", "run"]
    given: dict[str, str] = {}
    if arguments[0] == "--env-file":
        given = settings(folder / arguments[1])
        arguments = arguments[2:]
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=shell(ca) | given | {"USER_PASSWORD": SECRET},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def failure(command: str, folder: Path, ca: Path) -> str:
    """The message of a command that fails while there is no heartbeat yet; empty at its end."""
    try:
        follow(command, folder, ca)
    except AssertionError as error:
        if "no heartbeat" not in str(error):
            raise
        return str(error)
    return ""


def settings(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def shell(ca: Path) -> dict[str, str]:
    """The variables of this process without those of the tests; programs know the CA."""
    kept = {"PATH", "HOME", "LANG", "DEV_POSTGRES_BIN", "LD_LIBRARY_PATH"}
    found = {name: value for name, value in os.environ.items() if name in kept}
    return found | {"SSL_CERT_FILE": str(ca), "PYTHONPATH": str(PROJECT)}


async def test_the_page_leads_to_a_service_that_works(
    checkout: Path, https: tuple[str, Path], supabase: LocalSupabase
) -> None:
    ca = https[1]
    steps = commands()
    assert len(steps) == 12
    doctor = next(step for step in steps if "doctor" in step)
    before, after = steps[: steps.index(doctor)], steps[steps.index(doctor) + 1 :]
    for step in before:
        await asyncio.to_thread(follow, step, checkout, ca)

    port = free_port()
    clean = dict.fromkeys(os.environ.keys() - shell(ca).keys(), "")
    environment: dict[str, Any] = clean | shell(ca) | settings(checkout / ".env.production")
    environment["PYTHONPATH"] = str(PROJECT)
    beat = ("app", "beat", "--schedule", str(checkout / "schedule"))
    with (
        running("uvicorn", "app.main:app", f"--port={port}", **environment) as api,
        running("app", "worker", "--concurrency=1", **environment) as worker,
        running(*beat, **environment, stop=signal.SIGTERM) as scheduler,
    ):
        base = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=base, timeout=20) as client:

            async def is_ready() -> bool:
                try:
                    return (await client.get("/health/ready")).is_success
                except httpx.TransportError:
                    return False

            async def is_healthy() -> bool:
                return not await asyncio.to_thread(failure, doctor, checkout, ca)

            await eventually(is_ready, api)
            await eventually(is_healthy, worker, scheduler, seconds=150)
            async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=ca)) as auth:
                signed_in = await auth.post(
                    f"{https[0]}/auth/v1/token?grant_type=password",
                    headers={"apikey": supabase.publishable_key},
                    json={"email": "you@example.com", "password": SECRET},
                )
            headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
            me = await client.get("/api/v1/users/me", headers=headers)
            assert (me.status_code, me.json()["role"]) == (200, "admin")
            refused = await client.get("/api/v1/users/me", headers={"host": "evil.example"})
            assert refused.status_code == 400
        for step in after:
            await asyncio.to_thread(follow, step, checkout, ca)
    assert "you@example.com" not in (checkout / "backups/staging.sql").read_text("utf-8")
    assert list((checkout / "backups").glob("*.dump"))
