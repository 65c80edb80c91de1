"""Migrates the database, makes bucket and first sign-ins; runs as `python -m devstack.prepare`.

A process of its own: the runner stays small, and passwords stay off every command line.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from devstack import env as environment


def commands(settings: dict[str, str], *, seed: bool) -> Iterator[list[str]]:
    """Yield the `app` commands to run, in order."""
    yield ["db", "upgrade"]
    if seed:
        yield ["storage", "ensure"]
    for name, rights in (("FIRST_ADMIN", ["--role", "admin"]), ("DEMO_USER", [])):
        email, password = settings.get(f"{name}_EMAIL"), settings.get(f"{name}_PASSWORD")
        if seed and email and password:
            yield ["user", "create", email, "--password", password, *rights]


def main() -> None:
    """Run the commands in this process; the first that fails ends it."""
    # Not at the top: nothing of the dev stack imports the app unless it runs it.
    from app.cli import build
    from app.core.cli.errors import run

    command_line = build()
    for command in commands(environment.load(Path.cwd()), seed="--seed" in sys.argv):
        run(partial(execute, command_line, command))


def execute(command_line: Callable[[list[str]], object], command: list[str]) -> None:
    """Run one command; it ends the process if it fails, and only then."""
    try:
        command_line(command)
    except SystemExit as end:
        if end.code:
            raise


if __name__ == "__main__":
    main()
