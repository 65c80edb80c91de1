"""`new DEST`: render a project, lock its dependencies, make the first commit."""

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
_NOBODY = ("Project", "project@localhost")

console = Console(stderr=True, highlight=False)


def new(
    dest: Annotated[Path, typer.Argument(help="The folder to make; its name names the project.")],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", "-d", metavar="NAME=VALUE", help="An answer; may be repeated."),
    ] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", "-l", help="Ask nothing: take the defaults.")
    ] = False,
    vcs_ref: Annotated[
        str | None,
        typer.Option("--vcs-ref", "-r", help="Tag, branch or commit of the template."),
    ] = None,
) -> None:
    """Make a FastAPI backend in DEST: files, lock file and first commit."""
    answers = parse_data(data or [])
    git.require_git()
    uv = _find_uv()
    target = dest.expanduser().absolute()
    _require_free(target)
    if not defaults and not can_ask():
        raise LauncherError(
            "There is no terminal to ask questions in: add --defaults, and --data name=value for "
            "answers of your own."
        )
    source = find_source(vcs_ref)
    if source.note:
        console.print(f"[yellow]Note:[/] {source.note}")
    # Made near DEST and moved there once it is whole, so that a failure leaves nothing behind. The
    # name is kept: the default of project_name comes from it.
    with tempfile.TemporaryDirectory(prefix=".new-", dir=_nearest_folder(target)) as scratch:
        project = Path(scratch) / target.name
        _render(source, project, answers, defaults=defaults)
        with console.status("Locking the dependencies (uv lock) …"):
            _lock(uv, project)
        console.print("[green]✓[/] dependencies locked (uv.lock)")
        with console.status("Making the first commit …"):
            author = _commit(project)
        console.print(f"[green]✓[/] git repository with a first commit{author}")
        _move(project, target)
    # On stdout, unwrapped: to be copied, or read by a script.
    print(f"\n{target.name} is ready. Next:\n\n  cd {shlex.quote(str(dest))}\n  uv run app dev")


def _find_uv() -> str:
    """Raises LauncherError if there is no uv."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise LauncherError("uv is not installed: install it and run the command again.")
    return uv


def _require_free(target: Path) -> None:
    if not target.name:
        raise LauncherError(f"{target} cannot hold a project: name a folder to make.")
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise LauncherError(f"{target} exists and is not a folder: choose another name.")
    if target.is_dir() and any(target.iterdir()):
        raise LauncherError(
            f"{target} already holds files: choose a folder that is empty or not there yet."
        )


def _nearest_folder(target: Path) -> Path:
    """The closest folder above `target` that is there.

    Raises:
        LauncherError: it is not a folder one can write to.
    """
    nearest = next(parent for parent in target.parents if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise LauncherError(f"{nearest} cannot be written to: choose another folder.")
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
    # The environment this launcher runs in is not the project's.
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
            "uv could not lock the dependencies, so nothing was made: is the network there? "
            f"uv says: {reason}"
        )


def _commit(project: Path) -> str:
    """Make the repository and its first commit; what to add about its author, if git knows none."""
    git.read(project, "init", "--quiet", "--initial-branch", "main")
    git.read(project, "add", "--all")
    identity: list[str] = []
    remark = ""
    if not git.has_identity(project):
        answers = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
        name = answers["author_name"] or _NOBODY[0]
        email = answers["author_email"] or _NOBODY[1]
        identity = ["-c", f"user.name={name}", "-c", f"user.email={email}"]
        remark = (
            f", in the name of {name} <{email}>: git knows no user.name and user.email yet, "
            "so set them before the next one"
        )
    # The user's hooks and signing key are for the user's commits: either could stop and ask.
    git.read(
        project,
        *identity,
        *("-c", "commit.gpgSign=false"),
        *("commit", "--quiet", "--no-verify", "--message", _COMMIT_MESSAGE),
    )
    return remark


def _move(project: Path, target: Path) -> None:
    if target.is_dir():  # empty; perhaps the folder the user's shell is in
        for child in project.iterdir():
            shutil.move(child, target / child.name)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        project.rename(target)


def main() -> None:
    """Entry point of the command `new`."""
    run(new)
