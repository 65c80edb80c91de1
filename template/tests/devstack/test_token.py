"""`app token`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import env
from devstack.errors import DevStackError
from devstack.supabase import LocalSupabase
from devstack.token import local_token


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose `.env` the dev stack wrote."""
    for name in (*env.fresh_values(), *env.SERVICES):
        monkeypatch.delenv(name, raising=False)
    env.ensure_env_file(tmp_path)
    (tmp_path / ".dev").mkdir()
    return tmp_path


@pytest.fixture
def running(root: Path) -> Iterator[LocalSupabase]:
    """The local Supabase of the project, with the demo user."""
    settings = env.load(root)
    with LocalSupabase(
        publishable_key=settings["SUPABASE_PUBLISHABLE_KEY"],
        secret_key=settings["SUPABASE_SECRET_KEY"],
    ) as supabase:
        env.write_service_file(root, {"SUPABASE_URL": supabase.url})
        supabase.user("demo@example.com")
        yield supabase


def test_it_signs_in_the_demo_user_or_another_user(root: Path, running: LocalSupabase) -> None:
    demo = local_token(root, None)
    user, _ = running.auth.signed_in(demo.access_token)
    assert user.email == demo.email == "demo@example.com"
    assert demo.minutes == 60
    other = running.user("other@example.com")
    assert running.auth.signed_in(local_token(root, other.email).access_token)[0] is other


def test_an_unknown_user_is_refused(root: Path, running: LocalSupabase) -> None:
    with pytest.raises(DevStackError, match=r"unknown@example\.com"):
        local_token(root, "unknown@example.com")


def test_without_a_running_stack(root: Path) -> None:
    with pytest.raises(DevStackError, match="uv run app dev"):
        local_token(root, None)
    env.write_service_file(root, {"SUPABASE_URL": "http://127.0.0.1:1"})
    with pytest.raises(DevStackError, match=r"http://127\.0\.0\.1:1\b"):
        local_token(root, None)


def test_another_supabase_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", "https://abc.supabase.co")
    with pytest.raises(DevStackError, match=r"SUPABASE_URL.*abc\.supabase\.co"):
        local_token(root, None)
