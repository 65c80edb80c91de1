"""The variables that the settings read, compared with the values of an environment."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from app.core.cli.errors import CliError, run
from app.core.features import load
from app.core.settings import FeatureSettings, check_settings, project_settings, variables
from app.core.settings.references import is_reference
from devstack import env as environment

ROOT = Path(__file__).absolute().parents[2]
# What the programs need that a reference starts, such as a token for the store.
_SHELL = re.compile(r"PATH|HOME|(OP|DOPPLER|INFISICAL)_.*")


class State(StrEnum):
    """What is to be said about a variable."""

    SET = "set"
    MISSING = "missing"
    WRONG = "wrong"
    STALE = "stale"
    UNUSED = "unused"


class Value(NamedTuple):
    """A value and where it comes from. A platform does not show its values: None."""

    text: str | None
    source: str
    changed: datetime | None = None


class Variable(NamedTuple):
    """A variable that a settings class reads."""

    required: bool
    secret: bool


class Finding(NamedTuple):
    """A line of the report. It never holds a value."""

    name: str
    state: State
    source: str
    remark: str


def known() -> dict[str, Variable]:
    """Return the variables of the project and of all loaded features."""
    found = {}
    for group in _groups():
        for name, field in variables(group).items():
            is_secret = not field.repr or SecretStr.__name__ in str(field.annotation)
            found[name] = Variable(field.is_required(), is_secret)
    return found


def _groups() -> list[type[FeatureSettings]]:
    return [project_settings(), *(group for _, group in load("settings"))]


def mentioned(root: Path = ROOT) -> set[str]:
    """Return the names in `.env.example`, also those of tools that are not settings of the app."""
    lines = (root / ".env.example").read_text("utf-8").splitlines()
    return {line.lstrip("#").partition("=")[0] for line in lines if "=" in line}


def local(root: Path = ROOT) -> dict[str, Value]:
    """Return the values of this process, by the order in which the settings look for them."""
    files = (environment.service_file(root), root / ".env")
    found: dict[str, Value] = {}
    for path in files:
        source = str(path.relative_to(root))
        found |= {
            name: Value(text, source)
            for name, text in environment.read_values(path).items()
            if text
        }
    names = known().keys() | found.keys()
    found |= {
        name: Value(os.environ[name], "environment") for name in names if os.environ.get(name)
    }
    return found


def of_file(path: Path) -> dict[str, Value]:
    """Return the values of a settings file."""
    values = environment.read_values(path)
    return {name: Value(text, path.name) for name, text in values.items() if text}


def problems(values: Mapping[str, Value]) -> dict[str, str]:
    """Return what the settings say about these values, and no others, by variable.

    A process without `.env` and without the variables of this one reads them.

    Raises:
        CliError: they name features that cannot be loaded, or an unknown environment.
    """
    shell = {name: text for name, text in os.environ.items() if _SHELL.fullmatch(name)}
    given = {name: value.text for name, value in values.items() if value.text}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            cwd=folder,
            env={**shell, **given, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise CliError(done.stderr.strip().removeprefix("Error: "))
    found: dict[str, str] = json.loads(done.stdout)
    return found


def report(
    values: Mapping[str, Value], wrong: Mapping[str, str], *, max_age: timedelta
) -> Iterator[Finding]:
    """Yield what is to be said about each secret, and about every other variable with a problem."""
    variables, everywhere = known(), mentioned()
    for name in sorted({*variables, *values, *wrong}):
        value, variable = values.get(name), variables.get(name)
        source = _shown(value) if value else ""
        if variable is None and name not in everywhere:
            yield Finding(name, State.UNUSED, source, "No setting has this name.")
        elif name in wrong:
            yield Finding(name, State.WRONG if value else State.MISSING, source, wrong[name])
        elif value is None:
            if variable and variable.required:
                yield Finding(name, State.MISSING, "", "It is required.")
        elif remark := _stale(name, value, max_age):
            yield Finding(name, State.STALE, source, remark)
        elif variable and variable.secret:
            yield Finding(name, State.SET, source, "")


def _shown(value: Value) -> str:
    """The source. A reference is no secret, so it is shown."""
    return f"{value.source}: {value.text}" if is_reference(value.text) else value.source


def _stale(name: str, value: Value, max_age: timedelta) -> str:
    if name == "SECRET_KEY_PREVIOUS":
        return "Remove it as soon as nothing is used that it has signed."
    changed = value.changed
    if value.text and value.text.startswith("file://"):
        path = Path(unquote(urlsplit(value.text).path))
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else None
    age = datetime.now(UTC) - changed if changed else timedelta()
    return f"It was set {age.days} days ago." if age > max_age else ""


def _print_problems() -> None:
    print(json.dumps(dict(check_settings(*_groups()))))


if __name__ == "__main__":
    run(_print_problems)
