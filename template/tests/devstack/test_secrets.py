"""`app secrets`: what it says about an environment, and how it writes to a platform.

Stand-ins have the command lines of the programs `gh` and `fly`.
"""

import io
import json
import os
import secrets
import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from app.core.cli.errors import run
from app.core.settings.references import resolve
from devstack.secrets import inventory
from devstack.secrets.cli import cli
from tests.support.canaries import told

VALUES = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": secrets.token_urlsafe(48),
    "DATABASE_URL": f"postgresql://app:{secrets.token_hex(12)}@db.example.com:5432/postgres",
    "REDIS_URL": f"rediss://:{secrets.token_hex(12)}@redis.example.com:6379/0",
    "SUPABASE_URL": "https://abc.supabase.co",
    "SUPABASE_PUBLISHABLE_KEY": f"sb_publishable_{secrets.token_urlsafe(16)}",
    "SUPABASE_SECRET_KEY": f"sb_secret_{secrets.token_urlsafe(16)}",
    "ALLOWED_HOSTS": "api.example.com",
    # Options need more.
    "FEATURES": "users,tasks",
}
REQUIRED = set(VALUES) - {"ENVIRONMENT", "ALLOWED_HOSTS", "FEATURES"}

# Keeps names and values in a JSON file, and notes every command line.
STAND_IN = f"""#!{sys.executable}
import json, pathlib, re, sys

folder = pathlib.Path(__file__).parent
store = folder / "store.json"
with (folder / "calls").open("a") as calls:
    print(" ".join(sys.argv[1:]), file=calls)
rows = json.loads(store.read_text())
match sys.argv[1:]:
    case ["secret", "list", "--json", "name,updatedAt", *rest] if rest in ([], ["--env", "live"]):
        print(json.dumps([{{"name": n, "updatedAt": r["at"]}} for n, r in rows.items()]))
    case ["secret", "set", name, *rest] if rest in ([], ["--env", "live"]):
        rows[name] = {{"value": sys.stdin.read(), "at": "2026-11-30T12:00:00Z"}}
    case ["secrets", "list", "--json", *rest] if rest in ([], ["--app", "shop"]):
        print(json.dumps([{{"name": n, "digest": "0" * 16}} for n in rows]))
    case ["secrets", "import", "--stage", *rest] if rest in ([], ["--app", "shop"]):
        found = re.findall(r'^(\\w+)=(?:\"\"\"(.*?)\"\"\"|(.*?))$', sys.stdin.read(), re.M | re.S)
        rows |= {{n: {{"value": a or b}} for n, a, b in found}}
    case _:
        sys.exit(f"unknown command: {{sys.argv[1:]}}")
store.write_text(json.dumps(rows))
"""


class Answer(NamedTuple):
    """The result of a call of the command line."""

    code: int
    out: str
    err: str

    def states(self) -> dict[str, str]:
        """The state of each variable in the table."""
        return {line.split()[0]: line.split()[1] for line in self.out.splitlines()[1:]}


Call = Callable[..., Answer]


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Call:
    """Call `app secrets …` without a terminal."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    resolve.cache_clear()

    def call(*arguments: str) -> Answer:
        with pytest.raises(SystemExit) as stop:
            run(lambda: cli(list(arguments), prog_name="app secrets"))
        answer = Answer(int(stop.value.code or 0), *capsys.readouterr())
        assert told(answer.out + answer.err, *VALUES["SECRET_KEY"].split()) == []
        return answer

    return call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The settings of a deployment."""
    path = tmp_path / ".env.production"
    write(path)
    return path


def write(path: Path, **changes: str) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in (VALUES | changes).items()))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Put secrets on the platforms: `store(NAME=age in days)`; without an argument, read them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("gh", "fly"):
        (folder / name).write_text(STAND_IN)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    (folder / "store.json").write_text("{}")

    def store(**ages: int) -> dict[str, str]:
        now = datetime.now(UTC)
        if ages:
            rows = {
                name: {"value": "x", "at": (now - timedelta(days=age)).isoformat()}
                for name, age in ages.items()
            }
            (folder / "store.json").write_text(json.dumps(rows))
        found = json.loads((folder / "store.json").read_text())
        return {name: row["value"] for name, row in found.items()}

    return store


# --- check ------------------------------------------------------------------------------------


def test_a_complete_file(call: Call, file: Path) -> None:
    answer = call("check", "--file", str(file))
    assert answer.code == 0
    states = answer.states()
    assert set(states.values()) == {"set"}
    assert {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "SUPABASE_SECRET_KEY"} <= set(states)
    assert ".env.production" in answer.out


def test_what_is_missing_wrong_and_unused(call: Call, file: Path) -> None:
    write(file, SECRET_KEY="", REDIS_URL="http://x", SERCET_KEY="x")
    answer = call("check", "--file", str(file))
    assert answer.code == 1
    states = answer.states()
    assert states["SECRET_KEY"] == "missing"
    assert states["REDIS_URL"] == "wrong"
    assert states["SERCET_KEY"] == "unused"


def test_what_production_requires_is_missing(call: Call, file: Path) -> None:
    write(file, ALLOWED_HOSTS="")
    answer = call("check", "--file", str(file))
    assert (answer.code, answer.states()["ALLOWED_HOSTS"]) == (1, "missing")


@pytest.mark.parametrize(("name", "value"), [("FEATURES", "users,stars"), ("ENVIRONMENT", "stars")])
def test_what_cannot_be_loaded_is_one_error(call: Call, file: Path, name: str, value: str) -> None:
    write(file, **{name: value})
    answer = call("check", "--file", str(file))
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("Error: ")
    assert name in answer.err
    assert "Traceback" not in answer.err


def test_the_variables_of_this_process_do_not_count_for_a_file(
    call: Call, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", VALUES["SECRET_KEY"])
    write(file, SECRET_KEY="")
    assert call("check", "--file", str(file)).states()["SECRET_KEY"] == "missing"


def test_a_reference_is_shown_and_resolved(call: Call, file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text(VALUES["SECRET_KEY"])
    write(file, SECRET_KEY=secret.as_uri())
    answer = call("check", "--file", str(file))
    assert answer.code == 0
    assert secret.as_uri() in answer.out
    long_ago = (datetime.now(UTC) - timedelta(days=40)).timestamp()
    os.utime(secret, (long_ago, long_ago))
    assert call("check", "--file", str(file), "--max-age", "41").states()["SECRET_KEY"] == "set"
    assert call("check", "--file", str(file), "--max-age", "39").states()["SECRET_KEY"] == "stale"
    secret.unlink()
    assert call("check", "--file", str(file)).states()["SECRET_KEY"] == "wrong"


def test_the_previous_key_is_stale(call: Call, file: Path) -> None:
    write(file, SECRET_KEY_PREVIOUS=secrets.token_urlsafe(48))
    assert call("check", "--file", str(file)).states()["SECRET_KEY_PREVIOUS"] == "stale"


def test_sources_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment comes first, then `.env`, then the services of `app dev`."""
    monkeypatch.setenv("SECRET_KEY", "x" * 40)
    monkeypatch.delenv("REDIS_URL")
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "")
    (tmp_path / ".dev").mkdir()
    (tmp_path / ".dev/env").write_text("REDIS_URL=redis://one\nDATABASE_URL=postgresql://x\n")
    (tmp_path / ".env").write_text("SECRET_KEY=y\nREDIS_URL=redis://two\nSUPABASE_SECRET_KEY=z\n")
    found = inventory.local(tmp_path)
    sources = {name: found[name].source for name in REQUIRED if name in found}
    assert sources["SECRET_KEY"] == sources["DATABASE_URL"] == "environment"
    assert sources["REDIS_URL"] == sources["SUPABASE_SECRET_KEY"] == ".env"
    assert found["REDIS_URL"].text == "redis://two"


def test_this_machine(call: Call) -> None:
    states = call("check").states()
    assert states["SECRET_KEY"] == "set"


@pytest.mark.parametrize("target", ["github", "fly"])
def test_a_platform(call: Call, store: Callable[..., dict[str, str]], target: str) -> None:
    store(SECRET_KEY=400, DATABASE_URL=1, OLD_KEY=1)
    answer = call("check", target)
    assert answer.code == 1
    states = answer.states()
    # Fly does not say when a secret was set.
    assert states["SECRET_KEY"] == ("stale" if target == "github" else "set")
    assert states["DATABASE_URL"] == "set"
    assert states["OLD_KEY"] == "unused"
    assert states["SUPABASE_URL"] == "missing"


# --- push -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("github", ()),
        ("github", ("--environment", "live")),
        ("fly", ()),
        ("fly", ("--app", "shop")),
    ],
)
def test_values_arrive_as_they_are(
    call: Call,
    file: Path,
    store: Callable[..., dict[str, str]],
    tmp_path: Path,
    target: str,
    options: tuple[str, ...],
) -> None:
    store(SECRET_KEY=3, OTHER=3)
    secret = tmp_path / "ca.pem"
    secret.write_text("first line\nsecond line\n")
    write(file, DB_SSL_ROOT_CERT=secret.as_uri(), NOT_A_SETTING="x")
    answer = call("push", target, "--file", str(file), "--yes", *options)
    assert (answer.code, answer.err) == (0, "")
    expected = {**VALUES, "DB_SSL_ROOT_CERT": "first line\nsecond line", "OTHER": "x"}
    assert store() == expected
    lines = {line.split()[0]: line for line in answer.out.splitlines()}
    assert "replaced" in lines["SECRET_KEY"]
    assert "new" in lines["DATABASE_URL"]
    assert "stays" in lines["OTHER"]
    assert "NOT_A_SETTING" not in answer.out
    # No value was an argument of a program.
    assert told((tmp_path / "bin/calls").read_text(), *VALUES.values()) == []


def test_nothing_is_written_without_a_yes(
    call: Call,
    file: Path,
    store: Callable[..., dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = call("push", "fly", "--file", str(file))
    assert answer.code == 1
    assert "--yes" in answer.err
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    answer = call("push", "fly", "--file", str(file))
    assert answer.code == 1
    assert "DATABASE_URL" in answer.out
    assert store() == {}


def test_a_program_that_is_missing_or_fails(
    call: Call, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = call("push", "github", "--file", str(file), "--yes")
    assert answer.code == 1
    assert "`gh`" in answer.err
    for script, reason in (
        ("echo no access >&2; exit 1", "no access"),
        ("echo x", "list of secrets"),
    ):
        (tmp_path / "gh").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "gh").chmod(0o755)
        answer = call("check", "github")
        assert answer.code == 1
        assert reason in answer.err


def test_a_value_that_a_platform_cannot_hold(
    call: Call, file: Path, store: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    secret = tmp_path / "ca.pem"
    secret.write_text('a\n"""\nb')
    write(file, DB_SSL_ROOT_CERT=shlex.quote(secret.as_uri()))
    answer = call("push", "fly", "--file", str(file), "--yes")
    assert answer.code == 1
    assert "DB_SSL_ROOT_CERT" in answer.err
    assert store() == {}
