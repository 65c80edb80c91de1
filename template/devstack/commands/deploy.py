"""`app deploy`: brings the last commit to the machine of `deploy.toml`, and operates it there."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from devstack.deploy.bundle import run_there
from devstack.deploy.parts import parts
from devstack.deploy.release import new_release, upload
from devstack.deploy.settings import DeploySettings
from devstack.deploy.ssh import Host

cli = typer.Typer(name="deploy", help="Deploy to a machine of your own over SSH.")

ROOT = Path(__file__).absolute().parents[2]


@cli.callback(invoke_without_command=True)
def deploy(context: typer.Context) -> None:
    """Release the last commit without an interruption. If it does not work, the old one stays."""
    if context.invoked_subcommand:
        return
    settings = DeploySettings.read(ROOT)
    release = new_release(ROOT)
    print(f"==> copy {release}", flush=True)
    upload(ROOT, settings, release)
    described = [part.described() for part in parts()]
    _exit(run_there(settings, "deploy", release=release, parts=described))


@cli.command()
def setup() -> None:
    """Prepare the machine: packages, user, folders, Caddy and units. Run it again at any time."""
    settings = DeploySettings.read(ROOT)
    _exit(run_there(settings, "setup"))


@cli.command()
def secrets(
    file: Annotated[
        Path, typer.Option("--file", exists=True, dir_okay=False, help="File with the settings.")
    ] = Path(".env.production"),
) -> None:
    """Write the settings of a file to the machine. The next deploy uses them."""
    # Its imports take a second, which the other commands do not need.
    from devstack.deploy.secrets import write

    count = write(Host(DeploySettings.read(ROOT)), file)
    print(f"Wrote {count} values. `uv run app deploy` starts processes with them.")


@cli.command()
def rollback(
    release: Annotated[
        str | None, typer.Argument(help="A release of `status` (default: the one before).")
    ] = None,
) -> None:
    """Serve an earlier release again. The database stays as it is: old code works on it."""
    settings = DeploySettings.read(ROOT)
    _exit(run_there(settings, "rollback", release=release))


@cli.command()
def status() -> None:
    """Show the releases, the processes, and a deploy that runs."""
    _exit(run_there(DeploySettings.read(ROOT), "status"))


@cli.command()
def logs(
    process: Annotated[
        str | None, typer.Argument(help="api, worker, … (default: all of them).")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Lines to begin with.")] = 100,
) -> None:
    """Print the last lines of the processes."""
    settings = DeploySettings.read(ROOT)
    unit = f"{settings.name}-{process or '*'}@*"
    command = ["journalctl", "--no-pager", "--output=cat", f"--lines={lines}", f"--unit={unit}"]
    _exit(Host(settings).run(shlex.join([*command, *(["--follow"] if follow else [])])))


@cli.command()
def console() -> None:
    """Open `app console` of the current release, on the machine."""
    _run(["console"])


@cli.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(context: typer.Context) -> None:
    """Run a command of `app` in the current release, as in `app deploy run doctor`."""
    _run(context.args)


def _run(arguments: list[str]) -> None:
    settings = DeploySettings.read(ROOT)
    folder = shlex.quote(f"{settings.folder}/current")
    command = shlex.join([".venv/bin/app", *arguments])
    inside = f"set -a && . ./release.env && exec {command}"
    user = shlex.quote(settings.user)
    script = (
        f'cd {folder} && if [ "$(id -un)" = {user} ]; then {inside}; '
        f"else exec setpriv --reuid={user} --regid={user} --clear-groups "
        f"sh -c {shlex.quote(inside)}; fi"
    )
    _exit(Host(settings).run(script, terminal=sys.stdin.isatty()))


def _exit(code: int) -> None:
    if code:
        raise typer.Exit(code)
