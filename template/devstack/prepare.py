"""Migrates the database, creates bucket, users and rows; runs as `python -m devstack.prepare`.

It is a separate process, so that the runner does not import the app. The commands run inside this
process, so that no command line shows a password.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from devstack import env as environment


def commands(settings: dict[str, str], *, users: bool, samples: bool) -> Iterator[list[str]]:
    """Yield the `app` commands to run, in order."""
    yield ["db", "upgrade"]
    if users:
        yield ["storage", "ensure"]
        yield from user_commands(settings)
    if samples:
        yield from sample_commands(settings)


def user_commands(settings: dict[str, str]) -> Iterator[list[str]]:
    """Yield the `app` commands that create the first admin and the demo user, unless they exist."""
    for name, rights in (("FIRST_ADMIN", ["--role", "admin"]), ("DEMO_USER", [])):
        email, password = settings.get(f"{name}_EMAIL"), settings.get(f"{name}_PASSWORD")
        if email and password:
            yield ["user", "create", email, "--password", password, *rights]


def sample_commands(settings: dict[str, str]) -> Iterator[list[str]]:
    """Yield the `app` command that adds sample rows, if there is a demo user."""
    if settings.get("DEMO_USER_EMAIL"):
        yield ["db", "seed"]


def restore_users() -> None:
    """After a reset of the database, create the users of the local Supabase that runs now.

    Without one, print what to do: the users still exist in Auth, but have no row and no role here.
    """
    root = Path.cwd()
    settings = environment.load(root)
    if "SUPABASE_URL" in settings:
        print("No user has a role now. Next: `uv run app user create EMAIL --role admin`.")
    elif "SUPABASE_URL" in environment.read_values(environment.service_file(root)):
        from app.cli import build

        for command in (*user_commands(settings), *sample_commands(settings)):
            execute(build(), command)
    else:
        print("The next `uv run app dev` creates the first admin and the demo user again.")


def main() -> None:
    """Run the commands in this process; the first failure ends it."""
    # Not at the top: a module of the dev stack imports the app only to run it.
    from app.cli import build
    from app.core.cli.errors import run

    command_line = build()
    wanted = {"users": "--users" in sys.argv, "samples": "--samples" in sys.argv}
    for command in commands(environment.load(Path.cwd()), **wanted):
        run(partial(execute, command_line, command))


def execute(command_line: Callable[[list[str]], object], command: list[str]) -> None:
    """Run one command; exit only if it fails."""
    try:
        command_line(command)
    except SystemExit as end:
        if end.code:
            raise


if __name__ == "__main__":
    main()
