"""The project itself on a machine: real uv, Postgres, Redis, worker and beat."""

import os
import shutil
from pathlib import Path

import psycopg
import pytest
import redis

from tests.devstack.deploy.load import load
from tests.devstack.deploy.machine import SAMPLE, Machine, machine, requires_machine, until
from tests.support.processes import PROJECT, own_redis

FILES = ("alembic.ini", "pyproject.toml", "uv.lock", "README.md", ".env.example")
UV = shutil.which("uv")
# The packages are those that the project was installed from.
OFFLINE = """\
export UV_OFFLINE=1 UV_PYTHON={python} UV_CACHE_DIR={cache} UV_LINK_MODE=hardlink
[ "$1" = sync ] && set -- "$@" --no-compile-bytecode
exec {uv} "$@"
"""
MIGRATION = """\
revision = "probe_0001"
down_revision = None
branch_labels = ("probe",)
depends_on = ("core_0001",)


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
"""
FEATURES = "users,tasks"
SETTINGS = (
    *("SECRET_KEY", "SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY"),
    "USER_APPROVAL",
)

pytestmark = [
    pytest.mark.slow,
    requires_machine,
    pytest.mark.skipif(
        UV is None or not (PROJECT / "uv.lock").exists(), reason="uv or uv.lock is missing"
    ),
]


def cache() -> str:
    return os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache/uv")


def write_project(host: Machine, url: str, address: str) -> None:
    """Write the project with a feature for the clients, and the settings."""
    for name in FILES:
        shutil.copy(PROJECT / name, host.repository / name)
    for name in ("app", "devstack"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / name, host.repository / name, ignore=ignored)
    feature = host.repository / "app/features/probe"
    feature.mkdir()
    (feature / "__init__.py").write_text('"""Asked all the time."""\n')
    shutil.copy(SAMPLE / "probe_routes.py", feature / "routes.py")
    shutil.copy(SAMPLE / "probe_tasks.py", feature / "tasks.py")
    values = {name: os.environ[name] for name in SETTINGS} | {
        "ENVIRONMENT": "local",
        "FEATURES": FEATURES,
        "DATABASE_URL": url,
        "DB_SSL_MODE": "disable",
        "REDIS_URL": address,
        "ALLOWED_HOSTS": "localhost",
    }
    lines = (f"{name}={value}\n" for name, value in values.items())
    file = host.root / "settings"
    file.write_text("".join(lines))


def add_migration(host: Machine) -> None:
    """Write a migration, so that the deploy makes a backup and applies it."""
    folder = host.repository / "app/features/probe/migrations"
    folder.mkdir()
    (folder / "probe_0001_nothing.py").write_text(MIGRATION)


def states(url: str) -> dict[str, int]:
    """How many of the tasks are in each state."""
    statement = "SELECT state, count(*) FROM app.tasks WHERE name = 'probe.work' GROUP BY 1"
    with psycopg.connect(url) as connection:
        return dict(connection.execute(statement).fetchall())


def test_two_releases_of_the_project(empty_database_url: str) -> None:
    address = own_redis(14)
    script = OFFLINE.format(python=os.path.realpath("/proc/self/exe"), cache=cache(), uv=UV)
    with machine(script, parts="[]") as host:
        write_project(host, empty_database_url, address)
        host.change(health_seconds=120, watch_seconds=2)
        host.deploy("secrets", "--file", str(host.root / "settings"))
        assert (host.home / ".env").stat().st_mode & 0o777 == 0o600
        # The checkout that has checked the settings does not know this feature.
        with (host.home / ".env").open("a") as file:
            file.write(f"FEATURES={FEATURES},probe\n")
        host.commit("first")
        host.deploy()
        first = host.serves()
        paths = ("/api/v1/probe/read", "/api/v1/probe/read", "/api/v1/probe/tasks/{name}")
        with load(host, *paths, pause=1) as found:
            add_migration(host)
            host.commit("second")
            host.deploy()
            second = host.serves()
            host.deploy("rollback")
        assert (found.failures, host.serves()) == ([], first)
        assert {found.releases[0], second} <= set(found.releases)
        assert found.longest < 2
        with redis.Redis.from_url(address) as client:
            # Longer than the sweep needs to find a task that no worker took.
            sent = {name.encode() for name in found.tasks}
            until(lambda: sent <= client.smembers("done"), 180, lambda: states(empty_database_url))
        assert states(empty_database_url) == {"success": len(found.tasks)}
        (backup,) = (host.home / "backups").iterdir()
        assert backup.stat().st_mode & 0o777 == 0o600
        assert "up to date" in host.deploy("run", "db", "upgrade")
