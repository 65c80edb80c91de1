"""`app db reset` and the users that the dev stack has created."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from app.core.database.models import SCHEMA
from devstack.supabase import LocalSupabase

PROJECT = Path(__file__).absolute().parents[2]
USERS = text(f"SELECT email, role FROM {SCHEMA}.users ORDER BY email")
Reset = Callable[[], str]


@pytest.fixture
def reset(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Reset:
    """Run `app db reset --yes` in a project whose `.env` has users; return its output."""
    for name in ("app", "devstack", "alembic.ini"):
        (tmp_path / name).symlink_to(PROJECT / name)
    (tmp_path / ".env").write_text(
        "FIRST_ADMIN_EMAIL=boss@example.com\nFIRST_ADMIN_PASSWORD=correct-horse\n"
        "DEMO_USER_EMAIL=demo@example.com\nDEMO_USER_PASSWORD=correct-horse\n"
    )
    monkeypatch.setenv("ENVIRONMENT", "local")
    monkeypatch.setenv("DATABASE_URL", database_url)

    def reset() -> str:
        done = subprocess.run(
            [sys.executable, "-m", "app", "db", "reset", "--yes"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return reset


def users(url: str) -> list[tuple[str, str]]:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.connect() as connection:
        return [(email, role) for email, role in connection.execute(USERS)]


def test_it_restores_the_users_of_the_running_stack(
    reset: Reset,
    tmp_path: Path,
    database_url: str,
    supabase: LocalSupabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SUPABASE_URL")
    (tmp_path / ".dev").mkdir()
    (tmp_path / ".dev/env").write_text(f"SUPABASE_URL={supabase.url}\n")
    reset()
    expected = [("boss@example.com", "admin"), ("demo@example.com", "user")]
    assert users(database_url) == expected
    reset()  # the users exist in Auth now
    assert users(database_url) == expected


def test_it_names_the_command_that_makes_an_admin_in_a_supabase_project(reset: Reset) -> None:
    assert "app user create" in reset()
