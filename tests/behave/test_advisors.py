"""Supabase's own security linter finds nothing in a migrated project, and finds what is spoilt.

It is the one of the dashboard, runs offline against any Postgres, and comes with the CLI from npm.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from support.commands import attempt, outside, run

CLI = "supabase@3.1.0"

# A server of the project's dev stack until standard input ends: prints the app's address of a new
# database, and the superuser's.
SERVER = """
import sys
from pathlib import Path
import psycopg
from devstack.postgres import Postgres

with Postgres(Path(sys.argv[1])) as server:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE gate")
    for url in (server.url, server.admin_url):
        print(url.rpartition("/")[0] + "/gate", flush=True)
    sys.stdin.read()
"""
EXECUTE = "import psycopg, sys; psycopg.connect(sys.argv[1], autocommit=True).execute(sys.argv[2])"

# What Supabase's docs have people run in order to serve a schema of their own (Using Custom
# Schemas): under these grants a table without protection is the world's.
SERVE = """
GRANT USAGE ON SCHEMA app TO anon, authenticated, service_role;
GRANT ALL ON ALL TABLES IN SCHEMA app TO anon, authenticated, service_role;
"""
SERVED = "ALTER DATABASE gate SET pgrst.db_schemas = 'public, app'"

pytestmark = [pytest.mark.network, pytest.mark.xdist_group("installed")]


class Gate:
    """A project, a database of its own, and the linter."""

    def __init__(self, cli: Path, project: Path, home: Path, urls: list[str]) -> None:
        self.cli = cli
        self.project = project
        self.home = home
        self.url, self.admin_url = urls

    def app(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        settings = {
            "ENVIRONMENT": "test",
            "DATABASE_URL": self.url,
            "REDIS_URL": "redis://127.0.0.1:1",
            "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz",
            "SUPABASE_URL": "http://127.0.0.1:1",
            "SUPABASE_PUBLISHABLE_KEY": "none",
            "SUPABASE_SECRET_KEY": "none",
        }
        return attempt(["uv", "run", "--quiet", "app", *arguments], self.project, **settings)

    def upgrade(self) -> None:
        done = self.app("db", "upgrade")
        assert done.returncode == 0, done.stderr

    def execute(self, url: str, statement: str) -> None:
        run(["uv", "run", "--quiet", "python", "-c", EXECUTE, url, statement], self.project)

    def serve_the_schema(self) -> None:
        self.execute(self.url, SERVE)
        self.execute(self.admin_url, SERVED)

    def linted(self) -> tuple[int, set[str]]:
        """The linter's exit code, and what it names as an error."""
        options = ["--type", "security", "--fail-on", "error", "--output-format", "json"]
        done = attempt(
            [str(self.cli), "db", "advisors", f"--remote={self.url}", *options],
            self.home,
            HOME=str(self.home),
            DO_NOT_TRACK="1",
        )
        assert "Connected to 127.0.0.1" in done.stderr, done.stdout + done.stderr
        results = json.loads(done.stdout)["results"]
        errors = [each["metadata"] for each in results if each["level"] == "ERROR"]
        return done.returncode, {f"{each['schema']}.{each['name']}" for each in errors}


@pytest.fixture(scope="session")
def cli() -> Path:
    """Supabase's CLI, kept between runs outside the repository."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "copier-fastapi-supabase" / CLI
    program = folder / "node_modules/.bin/supabase"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if program.exists():
            return program
        if shutil.which("npm") is None:
            pytest.skip("needs npm for Supabase's linter: `apt-get install npm` brings it")
        install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), CLI]
        done = attempt(install, folder)
        if done.returncode != 0:
            pytest.skip(f"needs Supabase's CLI: `{' '.join(install)}` says {done.stderr[:300]}")
    return program


@contextmanager
def served(project: Path, folder: Path) -> Iterator[list[str]]:
    command = ["uv", "run", "--quiet", "python", "-c", SERVER, str(folder / "postgres")]
    with subprocess.Popen(
        command,
        cwd=project,
        env=outside(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        yield [server.stdout.readline().strip() for _ in range(2)]


@pytest.fixture
def gate(cli: Path, installed: Path, tmp_path: Path) -> Iterator[Gate]:
    with served(installed, tmp_path) as urls:
        yield Gate(cli, installed, tmp_path, urls)


def test_linter_and_check_find_nothing(gate: Gate) -> None:
    gate.upgrade()
    assert gate.app("db", "check").returncode == 0
    assert gate.linted() == (0, set())
    gate.serve_the_schema()
    assert gate.linted() == (0, set())


def test_both_find_a_table_whose_protection_was_removed(gate: Gate) -> None:
    migration = gate.project / "app/features/items/migrations/items_0001_items.py"
    code = migration.read_text("utf-8")
    assert code.count('    protect("items")\n') == 1
    migration.write_text(code.replace('    protect("items")\n', ""), "utf-8")
    gate.upgrade()
    checked = gate.app("db", "check")
    assert checked.returncode == 1
    assert "no row level security on items" in checked.stderr
    gate.serve_the_schema()
    assert gate.linted() == (1, {"app.items"})


def test_both_find_a_table_that_ended_in_public(gate: Gate) -> None:
    gate.upgrade()
    gate.execute(gate.url, "CREATE TABLE public.misplaced (id int)")
    checked = gate.app("db", "check")
    assert checked.returncode == 1
    assert "public.misplaced" in checked.stderr
    assert gate.linted() == (1, {"public.misplaced"})
