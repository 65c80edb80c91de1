"""Settings that name a secret in a store. Stand-ins have the command lines of the real programs."""

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core import redaction
from app.core.settings import SettingsError, load_settings, references
from app.core.settings.references import resolve
from app.settings import Settings

pytestmark = pytest.mark.usefixtures("fresh_settings")

SECRET = secrets.token_urlsafe(48)
Install = Callable[..., None]

# It accepts the arguments after its name and no others.
PROGRAM = """#!/bin/sh
if [ "$*" = '{arguments}' ]; then
  printf '%s\\n' '{output}'
else
  echo "unknown arguments: $*" >&2
  exit 2
fi
"""


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_forms", redaction._forms)
    resolve.cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a program: `install("op", "read …")`."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    def install(name: str, arguments: str = "", text: str | None = None) -> None:
        path = programs / name
        path.write_text(text or PROGRAM.format(arguments=arguments, output=SECRET))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return install


@pytest.mark.parametrize(
    ("reference", "program", "arguments"),
    [
        ("op://Team/backend/secret key", "op", "read --no-newline op://Team/backend/secret key"),
        ("op://Team/backend/web/key", "op", "read --no-newline op://Team/backend/web/key"),
        (
            "doppler://shop/prd/SECRET_KEY",
            "doppler",
            "secrets get SECRET_KEY --plain --project shop --config prd",
        ),
        (
            "infisical://0b1c2d3e/prod/SECRET_KEY",
            "infisical",
            "secrets get SECRET_KEY --projectId 0b1c2d3e --env prod --path / --plain --silent",
        ),
        (
            "infisical://0b1c2d3e/prod/apps/shop/KEY",
            "infisical",
            "secrets get KEY --projectId 0b1c2d3e --env prod --path /apps/shop --plain --silent",
        ),
    ],
)
def test_a_program_reads_it(
    install: Install,
    monkeypatch: pytest.MonkeyPatch,
    reference: str,
    program: str,
    arguments: str,
) -> None:
    install(program, arguments)
    monkeypatch.setenv("SECRET_KEY", reference)
    assert load_settings(Settings).secret_key.get_secret_value() == SECRET
    assert SECRET not in redaction.redacted(f"x {SECRET}")


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_file_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    file = tmp_path / "secret key"
    file.write_bytes(f"{SECRET}{ending}".encode())
    monkeypatch.setenv("SECRET_KEY", file.as_uri())
    assert load_settings(Settings).secret_key.get_secret_value() == SECRET


def test_a_value_is_checked_after_it_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one of a type that is not text, and an address."""
    for name, content in (("pool", "7"), ("hosts", "a.example.com, b.example.com"), ("db", "x")):
        (tmp_path / name).write_text(content)
    monkeypatch.setenv("DB_POOL_SIZE", (tmp_path / "pool").as_uri())
    monkeypatch.setenv("ALLOWED_HOSTS", (tmp_path / "hosts").as_uri())
    settings = load_settings(Settings)
    assert settings.db_pool_size == 7
    assert settings.allowed_hosts == ["a.example.com", "b.example.com"]
    load_settings.cache_clear()
    monkeypatch.setenv("DATABASE_URL", (tmp_path / "db").as_uri())
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        load_settings(Settings)


def test_it_is_read_once(install: Install, tmp_path: Path) -> None:
    install("op", text=f"#!/bin/sh\necho x >> {tmp_path}/calls\necho {SECRET}\n")
    assert resolve("op://a/b/c") == resolve("op://a/b/c") == SECRET
    assert (tmp_path / "calls").read_text() == "x\n"


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("op://vault/item", "parts"),
        ("op://vault/--help/x", "not a valid reference"),
        ("doppler://shop/prd/$(id)", "not a valid reference"),
        ("doppler://shop/prd", "parts"),
        ("infisical://id/NAME", "parts"),
        ("file://relative/path", "absolute"),
        ("file:///nowhere/at/all", "No such file"),
        ("file:///", "cannot be read"),
        ("file:///dev/zero", "larger"),
    ],
)
def test_what_is_wrong_is_said_with_the_name_of_the_setting(
    monkeypatch: pytest.MonkeyPatch, reference: str, reason: str
) -> None:
    monkeypatch.setenv("SECRET_KEY", reference)
    with pytest.raises(SettingsError, match=f"SECRET_KEY .*{reason}"):
        load_settings(Settings)


def test_a_program_that_is_missing_fails_or_hangs(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "SECONDS", 0.2)
    for text, reason in (
        (
            f"#!/bin/sh\necho {SECRET}\necho 'not signed in' >&2\nexit 1\n",
            "op has failed: not sign",
        ),
        ("#!/bin/sh\nexec sleep 5\n", "not answered"),
        ("#!/bin/sh\n", "empty"),
    ):
        install("op", text=text)
        with pytest.raises(ValueError, match=reason) as refused:
            resolve("op://a/b/c")
        assert SECRET not in str(refused.value)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ValueError, match="not installed"):
        resolve("op://a/b/c")


@pytest.mark.parametrize("value", ["https://example.com", "opaque", "profile://x", "op:/a/b/c"])
def test_other_values_are_no_references(value: str) -> None:
    assert not references.is_reference(value)
