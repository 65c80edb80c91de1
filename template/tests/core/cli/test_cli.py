"""`app …` as a user calls it; `test_db.py` tests `app db`."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Any, NamedTuple

import pytest
from fastapi import APIRouter, FastAPI
from sqlalchemy import NullPool
from starlette.staticfiles import StaticFiles
from typer.main import get_command
from typer.testing import CliRunner

from app.cli import build, main
from app.core.cli import storage
from app.core.cli.api import rows_of
from app.core.cli.errors import CliError, run
from app.core.database import sessions, sync_engine
from app.core.errors import ConflictError
from app.core.features import FeatureError, installed
from app.core.migrations.errors import MigrationError
from app.core.redis import redis_key, store
from app.core.settings import SettingsError, get_settings, load_settings
from app.core.tasks.tasks import HEARTBEAT_KEY, heartbeat
from app.main import app as api
from app.worker import celery
from devstack import commands as commands_of_dev
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


def test_every_path_is_listed() -> None:
    # In a process of its own, because it starts and stops the API.
    command = [sys.executable, "-m", "app", "routes"]
    out = subprocess.check_output(command, text=True, env={**os.environ, "COLUMNS": "40"})
    listed = {
        (m, row[1]): row[2:] for row in map(str.split, out.splitlines()) for m in methods(row)
    }
    for path, operations in api.openapi()["paths"].items():
        assert {(method.upper(), path) for method in operations} <= listed.keys()
    assert {
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/scalar"),
        ("HEAD", "/health/live"),
        ("*", "/docs/assets/swagger/*"),
        ("POST", "/api/v1/webhooks/users/before-user-created"),
    } <= listed.keys()
    function, place = listed["GET", "/api/v1/users/me"]
    file, _, line = place.partition(":")
    assert file == "app/extensions/users/routes.py"
    assert f"def {function}(" in "".join(Path(file).read_text().splitlines(True)[int(line) :][:2])
    # Routes that a feature adds when the API starts.
    if any(feature.name == "admin" for feature in installed()):
        assert ("POST", "/admin/logout") in listed


def methods(row: list[str]) -> list[str]:
    return row[0].split(",")


def test_routes_of_any_kind_are_listed() -> None:
    async def endpoint() -> None: ...

    class Endpoint:
        async def __call__(self) -> None: ...

    inner = FastAPI(openapi_url=None)
    inner.add_api_route("/deep", endpoint)
    router = APIRouter()
    router.add_api_websocket_route("/socket", endpoint)
    router.mount("/files", StaticFiles(directory="."))
    router.mount("/inner", inner)
    router.add_api_route("/partial", partial(endpoint), methods=["PUT", "POST"])
    router.add_api_route("/callable", Endpoint())
    outer = FastAPI(openapi_url=None)
    outer.include_router(router, prefix="/v1")
    rows = {row[1]: row for row in rows_of(outer.routes)}
    assert [*rows] == [
        *("/v1/socket", "/v1/files/*", "/v1/inner/deep", "/v1/partial", "/v1/callable"),
    ]
    assert rows["/v1/socket"][0] == "WEBSOCKET"
    assert rows["/v1/files/*"][2] == "StaticFiles"
    assert rows["/v1/inner/deep"][2].endswith("endpoint")
    assert rows["/v1/partial"][0] == "POST,PUT"
    assert rows["/v1/partial"][3].startswith("tests/core/cli/test_cli.py:")
    assert rows["/v1/callable"][2].endswith("Endpoint.__call__")


def test_the_description_of_the_api_is_written(call: Call, tmp_path: Path) -> None:
    assert json.loads(call("openapi").out) == json.loads(json.dumps(api.openapi()))
    path = tmp_path / "openapi.json"
    assert call("openapi", "--output", str(path)).out == ""
    assert path.read_text(encoding="utf-8") == call("openapi").out


@pytest.mark.parametrize("environment", [{}, {"ENVIRONMENT": "production", "SECRET_KEY": "short"}])
def test_the_description_needs_no_settings(tmp_path: Path, environment: dict[str, str]) -> None:
    # Without `.env` as well: it is read from the working directory.
    out = subprocess.check_output(
        [sys.executable, "-m", "app", "openapi"],
        env={"PYTHONPATH": str(Path.cwd()), "PATH": os.environ["PATH"], **environment},
        cwd=tmp_path,
        text=True,
    )
    # The same text, so also the same order: this process has other settings and other hashes.
    assert out == json.dumps(api.openapi(), indent=2, ensure_ascii=False) + "\n"


def test_a_console_runs_the_code_of_a_pipe(call: Call) -> None:
    lines = (
        "from app.core.features import features",
        "for number in range(2):",
        "    found = await session.exec(select(User))",
        "    print(settings.environment, found.first())",
        "print(await reader.rows(select(User)), sync_session.exec(select(User)).first())",
    )
    answer = call("console", piped="\n".join(lines))
    assert answer == (0, "test None\ntest None\n[] None\n", "")


def test_an_error_in_a_pipe_shows_the_frames_of_the_user(call: Call) -> None:
    lines = ("async def fail():", "    nonsense", "", "await fail()", "print('not reached')")
    answer = call("console", piped="\n".join(lines))
    assert answer[:2] == (1, "")
    frames = [line for line in answer.err.splitlines() if line.startswith("  File")]
    assert [frame.split()[1:4] for frame in frames] == [
        ['"<stdin>",', "line", "4,"],
        ['"<stdin>",', "line", "2,"],
    ]
    assert "NameError" in answer.err


def test_wrong_syntax_in_a_pipe_shows_no_frame_of_ours(call: Call) -> None:
    answer = call("console", piped="1 +")
    assert answer.code == 1
    assert re.findall(r'File "(.*?)"', answer.err) == ["<stdin>"]
    assert "SyntaxError" in answer.err


def test_an_error_that_a_user_can_cause_stays_a_sentence_in_a_pipe(call: Call) -> None:
    answer = call(
        "console", piped="from app.core.errors import ConflictError\nraise ConflictError('Twice.')"
    )
    assert answer == (1, "", "Error: Twice.\n")


def test_a_console_in_a_terminal() -> None:
    """In a real terminal: `await` in lines and blocks, and an error."""
    master, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "app", "console"], stdin=terminal, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        clock = Timer(60, process.kill)
        clock.start()
        typed = (
            "(await session.exec(select(User))).first() is None",
            "nonsense",
            "for n in (6, 7): print('answer', n * await asyncio.sleep(0, 7))",
            "",
            "exit()\n",
        )
        os.write(master, b"import asyncio\n" + "\n".join(typed).encode())
        shown = b""
        with suppress(OSError):  # Linux reports the end of a terminal as an error
            while chunk := os.read(master, 4096):
                shown += chunk
        os.close(master)
    clock.cancel()
    text = shown.decode()
    assert process.returncode == 0, text
    assert "settings, session, reader, sync_session, select" in text
    assert text.count("  File ") == 1, text  # of the line with the error, and none of ours
    assert re.search(r"^True\s*$", text, re.MULTILINE), text
    assert "NameError: name 'nonsense'" in text
    assert {"answer 42", "answer 49"} <= {line.strip() for line in text.splitlines()}


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
        assert answer.out.count(f"{name} ") + answer.out.count(f"{name}:") == 1, answer.out
    # The other checks need the settings: one line says that they did not run.
    assert answer.out.count("✗") == 1
    assert "✓" not in answer.out
    assert answer.out.count("not checked") == 1
    assert answer.err == ""


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


def complete(shell: str, words: str, folder: Path) -> set[str]:
    """Ask as the script does that `app --show-completion` prints, without any setting."""
    variables = {
        "_APP_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": words,
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path.cwd()),
    }
    command = ["-c", "import sys; from app.cli import main; sys.argv[0] = 'app'; main()"]
    out = subprocess.check_output([sys.executable, *command], env=variables, cwd=folder, text=True)
    # In zsh, each line starts with a quoted value, and its help follows.
    value = r'^(?:_arguments .*\(\()?"([^"]+)"' if shell == "zsh" else r"^(.+)$"
    return set(re.findall(value, out, re.MULTILINE))


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("app u", {"user"}),
        ("app db up", {"upgrade"}),
        ("app db upgrade --feature us", {"users"}),
        ("app db drop-feature us", {"users"}),
    ],
)
def test_a_shell_completes(shell: str, words: str, expected: set[str], tmp_path: Path) -> None:
    assert complete(shell, words, tmp_path) == expected


def test_the_completion_of_names_imports_no_command() -> None:
    code = """
import os, sys
os.environ.update(_APP_COMPLETE="complete_bash", COMP_WORDS="app ", COMP_CWORD="1")
from app.cli import main
sys.argv[0] = "app"
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert {"db", "user", "task", "worker", "dev"} <= set(done.stdout.split())
    slow = {"alembic", "celery", "fastapi", "sqlmodel", "httpx"}
    assert slow.isdisjoint(done.stderr.split())


def test_the_dev_stack_adds_to_a_group(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "storage.py").write_text(
        "from app.core.cli.storage import cli\n\n@cli.command()\ndef added(): print('Added.')\n"
    )
    monkeypatch.setattr(commands_of_dev, "__path__", [str(tmp_path)])
    monkeypatch.setattr(storage.cli, "registered_commands", [*storage.cli.registered_commands])
    assert call("storage", "added") == (0, "Added.\n", "")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_script_of_a_shell_is_printed(shell: str) -> None:
    variables = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    code = "import sys; from app.cli import main; sys.argv[0] = 'app'; main()"
    command = [sys.executable, "-c", code, "--show-completion", shell]
    script = subprocess.check_output(command, env=variables, text=True)
    assert f"_APP_COMPLETE=complete_{shell}" in script
