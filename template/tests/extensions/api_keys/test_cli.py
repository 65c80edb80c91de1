"""`app api-keys`."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from sqlmodel import Session, select
from typer.testing import CliRunner, Result

from app.core.cli.errors import CliError
from app.core.database import sync_engine
from app.core.database.models import utcnow
from app.core.errors import AppError
from app.core.settings import get_settings, load_settings
from app.extensions.api_keys import key_format
from app.extensions.api_keys.cli import cli
from app.extensions.api_keys.models import ApiKey
from app.extensions.users.models import Status, User
from tests.support.processes import PROJECT

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command on a database of its own; its exceptions are raised."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    load_settings.cache_clear()

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments, catch_exceptions=False)

    yield run
    monkeypatch.undo()
    load_settings.cache_clear()


@pytest.fixture
def database(database_url: str) -> Iterator[Session]:
    engine = sync_engine(database_url, get_settings())
    with Session(engine) as session:
        yield session
    engine.dispose()


@pytest.fixture
def email(database: Session) -> str:
    email = f"{uuid4().hex}@example.com"
    database.add(User(id=uuid4(), email=email, status=Status.APPROVED))
    database.commit()
    return email


def new(run: Run, email: str, *more: str) -> str:
    """Create a key and return its text."""
    return run("create", email, "--name", "CI", "--scope", "users:read", *more).stdout.strip()


def test_a_key_is_created_listed_rotated_and_revoked(
    run: Run, email: str, database: Session
) -> None:
    text = new(run, email, "--scope", "tasks:read", "--days", "7", "--network", "203.0.113.0/24")
    key_format.check(text)
    key = database.exec(select(ApiKey).where(ApiKey.secret_hash == key_format.hash_of(text))).one()
    assert (key.scopes, key.networks) == (["tasks:read", "users:read"], ["203.0.113.0/24"])
    assert (key.expires_at - key.created_at).days == 7

    listed = run("list", email).output
    assert f"{key_format.start_of(text)}…" in listed
    assert text not in listed
    assert str(key.id) in run("list").output

    rotated = run("rotate", str(key.id), "--overlap-hours", "1").stdout.strip()
    key_format.check(rotated)
    assert "replaced" in run("list", email).output

    assert "Revoked" in run("revoke", str(key.id)).output
    lines = run("list", email).output.splitlines()
    assert sorted(word for line in lines for word in line.split() if word in STATES) == [
        "revoked",
        "valid",
    ]
    with pytest.raises(AppError, match="revoked or replaced"):
        run("rotate", str(key.id))


STATES = {"valid", "replaced", "expired", "revoked"}


def test_only_the_key_goes_to_standard_output(email: str, database_url: str) -> None:
    def app(*arguments: str) -> str:
        result = subprocess.run(
            [sys.executable, "-m", "app", "api-keys", *arguments],
            cwd=PROJECT,
            env={**os.environ, "DATABASE_URL": database_url, "LOG_FORMAT": "json"},
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        key_format.check(result.stdout.removesuffix("\n"))
        assert '"event": "api_key_created"' in result.stderr
        return result.stderr

    told = app("create", email, "--name", "CI", "--scope", "users:read")
    (key_id,) = re.findall("^Key (.+), valid until", told, re.MULTILINE)
    app("rotate", key_id)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scope", "users:fly"), "There is no scope users:fly"),
        (("--days", "0"), "expires_in_days"),
        (("--days", "400"), "at most 365 days"),
        (("--network", "here"), "networks"),
    ],
)
def test_wrong_values_are_one_sentence(
    run: Run, email: str, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises((CliError, AppError), match=message) as refused:
        new(run, email, *arguments)
    assert "\n" not in str(refused.value)


def test_a_deleted_user_gets_no_key(run: Run, email: str, database: Session) -> None:
    user = database.exec(select(User).where(User.email == email)).one()
    user.deleted_at = utcnow()
    database.commit()
    with pytest.raises(AppError, match="This account was deleted"):
        new(run, email)
    assert "valid" not in run("list", email).output


def test_what_does_not_exist(run: Run) -> None:
    with pytest.raises(AppError, match=r"There is no user nobody@example\.com"):
        new(run, "nobody@example.com")
    for command in ("revoke", "rotate"):
        with pytest.raises(AppError, match="There is no such API key"):
            run(command, str(uuid4()))
