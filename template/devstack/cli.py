"""`app dev`, `app token`, and what else people do in a checkout."""

import asyncio
import contextlib
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from devstack import checks
from devstack import env as environment
from devstack.errors import DevStackError

cli = typer.Typer()

# Not resolved: a checkout behind a symbolic link is a project of its own.
ROOT = Path(__file__).absolute().parents[1]
LOCAL_ENVIRONMENTS = ("local", "test")


def fail(error: DevStackError) -> typer.Exit:
    """Print the error without a traceback."""
    typer.echo(f"Error: {error}", err=True)
    return typer.Exit(1)


@cli.command()
def dev(
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port of the API (default: 8000, or a free port)."),
    ] = None,
    https: Annotated[
        bool, typer.Option("--https", help="Serve it at https://NAME.localhost, port 8443.")
    ] = False,
    reset: Annotated[
        bool, typer.Option("--reset", help="Delete the local data first; keep .env.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Run API, worker, beat and the services that have no URL in the settings."""
    try:
        code = run(ROOT, port, https=https, reset=reset, yes=yes)
    except DevStackError as error:
        raise fail(error) from None
    except OSError as error:
        raise fail(DevStackError(f"{error.filename or 'app dev'}: {error.strerror}.")) from None
    raise typer.Exit(code)


@cli.command()
def token(
    email: Annotated[
        str | None, typer.Option(help="User to sign in (default: the demo user).")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only the token, for scripts.")
    ] = False,
) -> None:
    """Print an access token of the local Supabase, for curl and the API docs."""
    from devstack.token import local_token

    try:
        signed_in = local_token(ROOT, email)
    except DevStackError as error:
        raise fail(error) from None
    typer.echo(signed_in.access_token)
    if not quiet:
        typer.echo(
            f"\n{signed_in.email}, valid for {signed_in.minutes} minutes. For example:\n"
            f'curl -H "Authorization: Bearer $(uv run app token --quiet)" {signed_in.example}',
            err=True,
        )


@cli.command()
def ci(
    tests: Annotated[checks.Tests, typer.Option(help="Tests to run.")] = checks.Tests.ALL,
) -> None:
    """Check everything that CI checks, and say what to do about each failure."""
    try:
        passed = checks.run(ROOT, checks.chosen(tests))
    except FileNotFoundError as error:
        raise fail(DevStackError(f"{error.filename} is not installed: run `uv sync`.")) from None
    if not passed:
        raise typer.Exit(1)


@cli.command("api-diff")
def api_diff(
    release: Annotated[
        str | None, typer.Argument(help="Tag or commit to compare with (default: the last tag).")
    ] = None,
) -> None:
    """Name the changes of the API since a release that break its clients.

    The exit code is 1 if the version in pyproject.toml does not announce them, and 2 if there is
    nothing to compare with.
    """
    from devstack.api_release import UnknownReleaseError, allows_breaking, changes_since

    try:
        release, changes = changes_since(ROOT, release)
        if not changes:
            typer.echo(f"No change since {release} breaks clients.")
            return
        typer.echo(f"These changes since {release} break clients:")
        typer.echo("\n".join(f"- {change}" for change in changes))
        is_allowed = allows_breaking(ROOT, release)
    except UnknownReleaseError as error:
        typer.echo(error)
        raise typer.Exit(2) from None
    except DevStackError as error:
        raise fail(error) from None
    if not is_allowed:
        message = "Take them back, or raise the version in pyproject.toml: the major version, or "
        raise fail(DevStackError(f"{message}the minor version while it begins with 0."))


@cli.command("release-check")
def release_check(
    release: Annotated[
        str | None, typer.Argument(help="Tag or commit that still runs (default: the last tag).")
    ] = None,
) -> None:
    """Run the quick tests of a release on the tables that the migrations of today make.

    The exit code is 1 if a migration breaks the release, and 2 if there is nothing to decide.
    """
    from devstack.api_release import UnknownReleaseError
    from devstack.release_check import check

    try:
        release, count, broken = check(ROOT, release)
    except UnknownReleaseError as error:
        typer.echo(error)
        raise typer.Exit(2) from None
    except DevStackError as error:
        raise fail(error) from None
    if broken is None:
        typer.echo(f"The code of {release} works with the {count} migrations since then.")
        return
    typer.echo(f"The code of {release} fails after {broken.migration}:")
    typer.echo("\n".join(f"- {test}" for test in broken.tests))
    message = "Expand in this release and contract in a later one, see docs/database.md."
    raise fail(DevStackError(message))


@cli.command()
def setup() -> None:
    """Prepare a new checkout: .env, packages, git hooks, and a database with sample rows."""
    from devstack import housekeeping

    try:
        housekeeping.setup(ROOT)
        if environment.service_file(ROOT).exists():
            typer.echo("database: left out, `app dev` runs. `uv run app db seed` adds sample rows.")
        elif code := run(ROOT, None, serve=False):
            raise typer.Exit(code)
    except DevStackError as error:
        raise fail(error) from None
    typer.echo("Next: `uv run app dev`.")


@cli.command()
def clean() -> None:
    """Delete caches and reports, which tools make again."""
    from devstack import housekeeping

    typer.echo(f"Deleted {housekeeping.clean(ROOT)} files and folders.")


@cli.command()
def nuke(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete caches, the local database, queue and users, and the installed packages. Keep .env."""
    from devstack import housekeeping
    from devstack.lock import folder_lock

    try:
        with folder_lock(ROOT):
            delete_data(ROOT, yes=yes)
    except DevStackError as error:
        raise fail(error) from None
    housekeeping.nuke(ROOT)
    typer.echo("Deleted. `uv run app dev` starts again.")


def run(
    root: Path,
    port: int | None,
    *,
    https: bool = False,
    reset: bool = False,
    yes: bool = False,
    serve: bool = True,
) -> int:
    """Run the stack of a project folder until it is stopped, and return the exit code.

    `port` is that of the address for browsers. Without `serve`, the services start, the database is
    prepared, and all of it stops again.

    Raises:
        DevStackError: the stack cannot start.
    """
    if sys.platform == "win32":
        raise DevStackError("The dev stack runs on Linux and macOS. On Windows, use WSL2.")
    from devstack.lock import folder_lock
    from devstack.output import Output
    from devstack.ports import port_of
    from devstack.runner import API_PORT, HTTPS_PORT, Runner, api_socket

    os.chdir(root)
    output = Output(sys.stdout)
    with folder_lock(root) as lock:
        if reset:
            delete_data(root, yes=yes)
        refuse_deployment(environment.load(root))
        if written := environment.ensure_env_file(root):
            output.note(f".env: wrote {', '.join(written)}")
        settings = environment.load(root)
        preferred = HTTPS_PORT if https else API_PORT
        with contextlib.ExitStack() as sockets:
            listening = opened = sockets.enter_context(api_socket(port, preferred))
            if (actual := port_of(opened)) != (port or preferred):
                output.note(f"port {preferred} is in use, the API uses {actual}")
            front = None
            if https:
                from devstack.https import Https, host_name

                listening = sockets.enter_context(api_socket(None))
                front = Https(host_name(root), {port_of(listening): opened})
                output.note("browsers have to trust the authority below once, see docs/work.md")
            setup = [sys.executable, "-m", "devstack.prepare"]
            if "SUPABASE_URL" not in settings:
                setup.append("--users")
                # Once: sample rows that somebody has deleted stay deleted.
                if has_new_database(root, settings):
                    setup.append("--samples")
            runner = Runner(
                root, settings, output, lock, listening, setup, front=front, serve=serve
            )
            return asyncio.run(runner.run())


def has_new_database(root: Path, settings: dict[str, str]) -> bool:
    """Return whether the stack is about to create the embedded database."""
    return "DATABASE_URL" not in settings and not (root / ".dev" / "postgres").exists()


def refuse_deployment(settings: dict[str, str]) -> None:
    """Raise an error if the settings are those of a deployment."""
    name = settings.get("ENVIRONMENT", "local")
    if name not in LOCAL_ENVIRONMENTS:
        raise DevStackError(
            f"ENVIRONMENT is {name}: `app dev` migrates databases and creates users with known "
            "passwords, so it runs only with ENVIRONMENT=local."
        )


def delete_data(root: Path, *, yes: bool) -> None:
    """Ask, then delete the data of the stack in `.dev`.

    The caller must hold the folder lock.
    """
    from devstack.lock import lock_file
    from devstack.services import databases

    data = root / ".dev"
    if not yes:
        if not sys.stdin.isatty():
            raise DevStackError("This deletes data and there is no terminal to ask: add --yes.")
        typer.confirm(f"Delete the local database, queue and users in {data}?", abort=True)
    for server in databases(root, {}).values():
        server.stop_orphan()
    for path in data.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != lock_file(root):
            path.unlink()
