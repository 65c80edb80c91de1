"""`new DEST`: render a project, lock its dependencies, and create the first commit."""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated

import copier
import typer
import yaml
from rich.console import Console

from launcher import git
from launcher.errors import LauncherError, run
from launcher.machine import machine_defaults
from launcher.rendering import can_ask, copier_errors, parse_data
from launcher.source import Source, find_source

_COMMIT_MESSAGE = "Start from the template"
_DEFAULT_AUTHOR = ("Project", "project@localhost")

console = Console(stderr=True, highlight=False)


def new(
    dest: Annotated[
        Path,
        typer.Argument(help="The folder to create. The name of the project is derived from it."),
    ],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", "-d", metavar="NAME=VALUE", help="An answer. Can be repeated."),
    ] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", "-l", help="Ask no questions and take the defaults.")
    ] = False,
    vcs_ref: Annotated[
        str | None,
        typer.Option("--vcs-ref", "-r", help="Tag, branch or commit of the template."),
    ] = None,
) -> None:
    """Create a FastAPI backend in DEST, with a lock file and a first commit."""
    answers = parse_data(data or [])
    git.require_git()
    uv = _find_uv()
    target = dest.expanduser().absolute()
    _require_free(target)
    if not defaults and not can_ask():
        raise LauncherError(
            "Questions need a terminal. Add --defaults to take the defaults, and "
            "--data NAME=VALUE for other answers."
        )
    source = find_source(vcs_ref)
    if source.note:
        console.print(f"[yellow]Note:[/] {source.note}")
    # Created next to DEST and moved at the end, so that a failure leaves no files. The folder has
    # the name of DEST, because the default of project_name is derived from it.
    with tempfile.TemporaryDirectory(prefix=".new-", dir=_nearest_folder(target)) as scratch:
        project = Path(scratch) / target.name
        _render(source, project, answers, defaults=defaults)
        with console.status("Locking the dependencies (uv lock) …"):
            _lock(uv, project)
        console.print("[green]✓[/] dependencies locked (uv.lock)")
        with console.status("Creating the first commit …"):
            author = _commit(project)
        console.print(f"[green]✓[/] git repository with a first commit{author}")
        _move(project, target)
    change_folder = "" if target == Path.cwd() else f"  cd {shlex.quote(str(dest))}\n"
    # On stdout and not wrapped, so that users can copy it and scripts can read it.
    print(f"\n{target.name} is ready. Next:\n\n{change_folder}  uv run app dev")


def _find_uv() -> str:
    """The path of uv.

    Raises:
        LauncherError: uv is not installed.
    """
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise LauncherError("uv is not installed. Install it and run the command again.")
    return uv


def _require_free(target: Path) -> None:
    if not target.name:
        raise LauncherError(f"{target} has no folder name. Name a new folder for the project.")
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise LauncherError(f"{target} exists and is not a folder. Choose another name.")
    if target.is_dir() and any(target.iterdir()):
        raise LauncherError(f"{target} already contains files. Choose a new or empty folder.")


def _nearest_folder(target: Path) -> Path:
    """The closest existing folder above `target`.

    Raises:
        LauncherError: it is not a writable folder.
    """
    nearest = next(parent for parent in target.parents if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise LauncherError(f"{nearest} is not a writable folder. Choose another folder.")
    return nearest


def _render(source: Source, project: Path, answers: dict[str, str], *, defaults: bool) -> None:
    with copier_errors():
        copier.run_copy(
            source.url,
            project,
            data=answers,
            user_defaults=dict(machine_defaults()),
            defaults=defaults,
            vcs_ref=source.ref,
            unsafe=False,
        )
    count = sum(path.is_file() for path in project.rglob("*"))
    console.print(f"[green]✓[/] {count} files rendered from {source.url}")


def _lock(uv: str, project: Path) -> None:
    # uv must not use the virtual environment of the launcher for the project.
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    result = subprocess.run(
        [uv, "lock", "--project", str(project)],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if result.returncode != 0:
        reason = " ".join(result.stderr.split())[-400:]
        raise LauncherError(
            "uv could not lock the dependencies, so no project was created. Check the network "
            f"connection. Message of uv: {reason}"
        )


def _commit(project: Path) -> str:
    """Create the repository and its first commit, and return a remark about a default author."""
    git.read(project, "init", "--quiet", "--initial-branch", "main")
    git.read(project, "add", "--all")
    identity: list[str] = []
    remark = ""
    if not git.has_identity(project):
        answers = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
        name = answers["author_name"] or _DEFAULT_AUTHOR[0]
        email = answers["author_email"] or _DEFAULT_AUTHOR[1]
        identity = ["-c", f"user.name={name}", "-c", f"user.email={email}"]
        remark = (
            f" by {name} <{email}>. Set user.name and user.email of git before the next commit."
        )
    # Hooks and signing of the user could fail or ask for input.
    git.read(
        project,
        *identity,
        *("-c", "commit.gpgSign=false"),
        *("commit", "--quiet", "--no-verify", "--message", _COMMIT_MESSAGE),
    )
    return remark


def _move(project: Path, target: Path) -> None:
    if target.is_dir():  # empty; a shell of the user may be in it, so it is kept
        for child in project.iterdir():
            shutil.move(child, target / child.name)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        project.rename(target)


def main() -> None:
    """Entry point of the command `new`."""
    run(new)
