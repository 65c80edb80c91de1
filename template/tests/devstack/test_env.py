"""`.env`: written once and kept; errors name the place."""

from pathlib import Path

import pytest
from dotenv import dotenv_values

from devstack import env
from devstack.errors import DevStackError

NAMES = set(env.fresh_values())


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, *env.SERVICES):
        monkeypatch.delenv(name, raising=False)


def test_it_is_written_once_with_new_secrets(tmp_path: Path) -> None:
    assert set(env.ensure_env_file(tmp_path)) == NAMES
    path = tmp_path / ".env"
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    values = dotenv_values(path)
    assert set(values) == NAMES
    assert len(values["SECRET_KEY"] or "") >= 32
    assert env.ensure_env_file(tmp_path) == []
    assert path.read_text() == text


def test_the_comments_of_the_example_are_kept(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text(
        '# About the project.\nPROJECT_NAME="A # B"\n\n# Signs.\nSECRET_KEY=\nDATABASE_URL=\n'
        "#DEBUG=false\nSUPABASE_SECRET_KEY=''  # private\n"
    )
    env.ensure_env_file(tmp_path)
    text = (tmp_path / ".env").read_text()
    values = dotenv_values(tmp_path / ".env")
    assert text.startswith('# About the project.\nPROJECT_NAME="A # B"\n\n# Signs.\nSECRET_KEY=')
    assert values["PROJECT_NAME"] == "A # B"
    assert values["DATABASE_URL"] == ""
    assert (values["SUPABASE_SECRET_KEY"] or "").startswith("sb_secret_")
    assert "#DEBUG=false\n" in text
    assert "  # private\n" in text
    assert all(values[name] for name in NAMES)


def test_only_missing_values_are_written(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("SECRET_KEY=mine\nexport DEMO_USER_EMAIL=\nOTHER=x")
    written = env.ensure_env_file(tmp_path)
    assert set(written) == NAMES - {"SECRET_KEY"}
    values = dotenv_values(path)
    assert values["SECRET_KEY"] == "mine"
    assert values["OTHER"] == "x"
    assert values["DEMO_USER_EMAIL"] == "demo@example.com"
    assert "export DEMO_USER_EMAIL=demo@example.com\n" in path.read_text()


def test_keys_of_another_supabase_are_not_generated(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SUPABASE_URL=https://abc.supabase.co\n")
    written = env.ensure_env_file(tmp_path)
    assert written == list(env.fresh_secrets())
    assert not any(name.startswith(("SUPABASE", "FIRST_ADMIN", "DEMO")) for name in written)


def test_the_environment_takes_precedence_and_empty_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("REDIS_URL=redis://file\nDATABASE_URL=\n")
    assert env.load(tmp_path)["REDIS_URL"] == "redis://file"
    monkeypatch.setenv("REDIS_URL", "redis://environment")
    assert env.load(tmp_path)["REDIS_URL"] == "redis://environment"
    monkeypatch.setenv("REDIS_URL", "")
    assert env.load(tmp_path)["REDIS_URL"] == "redis://file"
    assert "DATABASE_URL" not in env.load(tmp_path)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"SECRET_KEY=\xff\xfe", r"\.env\b.*byte 11\b"),
        (b"A=1\n\nno assignment\n", r"\.env, line 3\b"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, content: bytes, place: str) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(DevStackError, match=place):
        env.ensure_env_file(tmp_path)
    assert (tmp_path / ".env").read_bytes() == content


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(DevStackError, match=r"\.env\b.*Is a directory"):
        env.load(tmp_path)
