"""Where a deployment keeps its secrets. The programs of the platforms read and write them.

No value is an argument of a program: every user of the machine could read it.
"""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.cli.errors import CliError
from devstack.secrets.inventory import Value


@dataclass(frozen=True)
class Platform:
    """A place for secrets: what is there, and how values get there."""

    name: str
    list_command: Sequence[str]
    push: Callable[[Mapping[str, str]], None]

    def values(self) -> dict[str, Value]:
        """Return the names that are there, and when each was set if the platform tells it.

        Raises:
            CliError: the program is missing or fails.
        """
        output = run(self.list_command)
        try:
            rows: list[dict[str, Any]] = json.loads(output) or []
            # The names of the fields have begun with a capital letter in older versions.
            lower = [{key.lower(): text for key, text in row.items()} for row in rows]
            return {row["name"]: Value(None, self.name, _time(row)) for row in lower}
        except (ValueError, KeyError, AttributeError) as error:
            raise CliError(
                f"{self.list_command[0]} has printed something else than a list of secrets."
            ) from error


def github(environment: str | None) -> Platform:
    """The secrets of the repository in this folder, or of one of its environments."""
    options = ["--env", environment] if environment else []

    def push(values: Mapping[str, str]) -> None:
        for name, value in values.items():
            run(["gh", "secret", "set", name, *options], value)

    command = ["gh", "secret", "list", "--json", "name,updatedAt", *options]
    return Platform("GitHub", command, push)


def fly(app: str | None) -> Platform:
    """The secrets of an app at Fly, by default of that in `fly.toml`. The next deploy uses them."""
    options = ["--app", app] if app else []

    def push(values: Mapping[str, str]) -> None:
        lines = "".join(f"{name}={_quoted(name, value)}\n" for name, value in values.items())
        run(["fly", "secrets", "import", "--stage", *options], lines)

    return Platform("Fly", ["fly", "secrets", "list", "--json", *options], push)


def _quoted(name: str, value: str) -> str:
    """A value in the format of `fly secrets import`, which has no escapes."""
    if "\n" not in value:
        return value
    if '"""' in value:
        raise CliError(f'{name} has several lines and """, which Fly cannot read.')
    return f'"""{value}"""'


def _time(row: Mapping[str, Any]) -> datetime | None:
    text = row.get("updatedat") or row.get("updated_at") or row.get("createdat")
    return datetime.fromisoformat(text) if text else None


def run(command: Sequence[str], text: str = "") -> str:
    """Run a program with `text` as its input, and return its output.

    Raises:
        CliError: it is missing or fails.
    """
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise CliError(f"The program `{command[0]}` is not installed.") from None
    if done.returncode:
        shown = " ".join(command[:3])
        raise CliError(f"`{shown}` has failed: {done.stderr.strip() or 'it gives no reason.'}")
    return done.stdout
