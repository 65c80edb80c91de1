"""`app …` as a user calls it; `test_db.py` tests `app db`."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import NullPool
from typer.main import get_command
from typer.testing import CliRunner

from app.cli import build, main
from app.core.cli.errors import CliError, run
from app.core.database import sessions, sync_engine
from app.core.errors import ConflictError
from app.core.features import FeatureError
from app.core.migrations.errors import MigrationError
from app.core.redis import redis_key, store
from app.core.settings import SettingsError, get_settings, load_settings
from app.core.tasks.tasks import HEARTBEAT_KEY, heartbeat
from app.main import app as api
from app.worker import celery
from devstack.supabase import LocalSupabase

# Workers do not need to know each other.
ALONE = [
    *("--without-mingle", "--without-gossip"),
    *([] if celery.conf.worker_send_task_events else ["--without-heartbeat"]),
]
NOWHERE = "127.0.0.1:1"


class Answer(NamedTuple):
    """The result of a call of the command line."""

    code: int
    out: str
    err: str


Call = Callable[..., Answer]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call `app …`; `piped` is its standard input."""

    def call(*arguments: str, piped: str = "") -> Answer:
        monkeypatch.setattr(sys, "argv", ["app", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(piped))
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        return Answer(int(stop.value.code or 0), printed.out, printed.err)

    return call


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command and group below one."""
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


def test_every_command_has_help() -> None:
    root = build()
    found = list(commands(get_command(root)))
    for name in ("dev", "token", "worker", "beat", "doctor", "console", "routes", "openapi"):
        assert (name,) in found
    assert {("db", "upgrade"), ("feature", "new"), ("user", "create")} <= set(found)
    runner = CliRunner()
    for path in found:
        result = runner.invoke(root, [*path, "--help"], prog_name="app")
        assert result.exit_code == 0, path
        usage, _, text = result.output.strip().partition("\n")
        assert " ".join(("Usage: app", *path)) in usage
        # A sentence comes before its options.
        assert text.strip()
        assert text.strip()[0] not in "╭┌-", path


def test_an_unknown_command_is_reported(call: Call) -> None:
    answer = call("nonsense")
    assert answer.code == 2
    assert "No such command 'nonsense'" in answer.err


@pytest.mark.parametrize(
    "error",
    [CliError, SettingsError, FeatureError, MigrationError, ConflictError],
)
def test_an_error_of_the_user_is_a_sentence(
    capsys: pytest.CaptureFixture[str], error: type[Exception]
) -> None:
    def fail() -> None:
        raise error("Do this instead.")

    with pytest.raises(SystemExit) as stop:
        run(fail)
    assert stop.value.code == 1
    assert capsys.readouterr() == ("", "Error: Do this instead.\n")


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 / 0)


@pytest.mark.parametrize("arguments", [("db", "current"), ("user", "list"), ("db", "test")])
def test_no_database_is_a_sentence(
    call: Call, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://boss:hunter2@{NOWHERE}/app")
    load_settings.cache_clear()
    try:
        answer = call(*arguments)
    finally:
        load_settings.cache_clear()
    assert answer.code == 1
    assert answer.err.startswith("Error: ")
    assert answer.err.count("\n") == 1
    assert "DATABASE_URL" in answer.err
    assert "hunter2" not in answer.err


def test_routes_are_listed(call: Call) -> None:
    answer = call("routes")
    rows = [line.split(maxsplit=2) for line in answer.out.splitlines() if line.strip()]
    listed = {(row[0], row[1]) for row in rows}
    assert ["GET", "/api/v1/users/me", "Who am I?"] in [[*map(str.strip, row)] for row in rows]
    document = api.openapi()["paths"]
    assert listed == {(m.upper(), path) for path, methods in document.items() for m in methods}


def test_the_description_of_the_api_is_written(call: Call, tmp_path: Path) -> None:
    assert json.loads(call("openapi").out) == json.loads(json.dumps(api.openapi()))
    path = tmp_path / "openapi.json"
    assert call("openapi", "--output", str(path)).out == ""
    assert path.read_text(encoding="utf-8") == call("openapi").out


def test_a_console_has_settings_session_and_tables(call: Call) -> None:
    lines = ("print(settings.environment, session.exec(select(User)).first())", "nonsense", "")
    answer = call("console", piped="\n".join(lines))
    assert "settings, session, select" in answer.err
    assert "test None" in answer.out
    # An error does not end it.
    assert "NameError: name 'nonsense'" in answer.err
    assert answer.code == 0


@pytest.fixture
def bucket(call: Call) -> None:
    """The bucket of the settings."""
    assert call("storage", "ensure").code == 0


@pytest.mark.usefixtures("bucket")
def test_doctor_finds_everything_in_order(call: Call) -> None:
    heartbeat.function()
    answer = call("doctor")
    assert answer.code == 0, answer.out
    found = {line.split()[1] for line in answer.out.splitlines() if "✓" in line}
    # Features may have checks of their own.
    assert found >= {
        "settings",
        "features",
        "database",
        "migrations",
        "connections",
        "redis",
        "supabase",
        "storage",
        "workers",
    }


@pytest.mark.usefixtures("bucket")
def test_doctor_finds_that_no_worker_runs(call: Call) -> None:
    store().delete(redis_key(HEARTBEAT_KEY))
    answer = call("doctor")
    assert answer.code == 1
    (wrong,) = [line for line in answer.out.splitlines() if "✗" in line]
    assert "workers" in wrong
    assert "app worker" in wrong


def test_doctor_names_the_setting_of_each_service(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "DATABASE_URL": f"postgresql://boss:hunter2@{NOWHERE}/app",
        "REDIS_URL": f"redis://:hunter2@{NOWHERE}/0",
        "SUPABASE_URL": f"http://{NOWHERE}",
    }.items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    try:
        settings = get_settings()
        engine = sync_engine(settings.database_url, settings, poolclass=NullPool)
        monkeypatch.setattr(sessions, "process_engine", lambda: engine)
        answer = call("doctor")
    finally:
        load_settings.cache_clear()
    assert answer.code == 1
    wrong = {line.split()[1]: line for line in answer.out.splitlines() if "✗" in line}
    assert wrong.keys() >= {"database", "migrations", "redis", "supabase"}
    for name, setting in (
        ("database", "DATABASE_URL"),
        ("redis", "REDIS_URL"),
        ("supabase", "SUPABASE_URL"),
    ):
        assert setting in wrong[name]
    assert "hunter2" not in answer.out + answer.err


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("keys", "secret", "code", "words"),
    [
        (True, False, 0, "1 signing key"),
        (False, False, 1, "SUPABASE_JWT_SECRET"),
        (False, True, 0, "legacy"),
        (True, True, 1, "SUPABASE_JWT_SECRET"),
    ],
)
def test_doctor_says_how_tokens_are_verified(
    call: Call,
    supabase: LocalSupabase,
    monkeypatch: pytest.MonkeyPatch,
    keys: bool,
    secret: bool,
    code: int,
    words: str,
) -> None:
    heartbeat.function()
    if secret:
        monkeypatch.setenv("SUPABASE_JWT_SECRET", "x" * 32)
    if not keys:
        supabase.traffic.fail("/auth/v1/.well-known/jwks.json", 200, body=b'{"keys": []}')
    load_settings.cache_clear()
    try:
        answer = call("doctor")
    finally:
        load_settings.cache_clear()
        supabase.traffic.heal()
    assert answer.code == code, answer.out
    (line,) = [line for line in answer.out.splitlines() if "supabase" in line.split()[1:2]]
    assert words in line


def test_doctor_names_every_setting_that_is_wrong(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "short")
    monkeypatch.delenv("REDIS_URL")
    monkeypatch.setenv("USER_APPROVAL", "never")
    load_settings.cache_clear()
    try:
        answer = call("doctor")
    finally:
        load_settings.cache_clear()
    assert answer.code == 1
    for name in ("SECRET_KEY", "REDIS_URL", "USER_APPROVAL"):
        assert name in answer.out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("worker",), ["worker", "--concurrency=2", "--loglevel=info", *ALONE]),
        (
            ("worker", "--concurrency", "5"),
            ["worker", "--concurrency=5", "--loglevel=info", *ALONE],
        ),
        (
            ("beat", "--schedule", "a/b"),
            ["beat", "--schedule=a/b", "--loglevel=info", "--pidfile="],
        ),
    ],
)
def test_processes_are_started_with_what_was_asked(
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str, ...],
    expected: list[str],
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(celery, "start", started.append)
    monkeypatch.chdir(tmp_path)
    assert call(*arguments).code == 0
    assert started == [expected]
    assert (tmp_path / "a").is_dir() is ("a/b" in arguments)
