"""`update [DEST]`: Copier's update, which requires a clean tree and exits with 1 on conflicts."""

from pathlib import Path
from typing import Annotated, Any

import copier
import typer
import yaml
from rich.console import Console

from launcher import git
from launcher.errors import LauncherError, run
from launcher.notes import fetch_notes
from launcher.rendering import can_ask, copier_errors, parse_data

_ANSWERS = ".copier-answers.yml"
_SHOWN = 10

console = Console(stderr=True, highlight=False)


def update(
    dest: Annotated[
        Path, typer.Argument(help="The project. The default is the current folder.")
    ] = Path(),
    data: Annotated[
        list[str] | None,
        typer.Option("--data", "-d", metavar="NAME=VALUE", help="A new answer. Can be repeated."),
    ] = None,
    defaults: Annotated[
        bool,
        typer.Option(
            "--defaults", "-l", help="Ask no questions: keep the answers, and take new defaults."
        ),
    ] = False,
    ask_again: Annotated[
        bool, typer.Option("--ask-again", help="Ask all questions, not only new ones.")
    ] = False,
    vcs_ref: Annotated[
        str | None,
        typer.Option("--vcs-ref", "-r", help="Tag, branch or commit of the template."),
    ] = None,
) -> None:
    """Update a project to a newer version of its template. Your own code is not changed."""
    answers = parse_data(data or [])
    git.require_git()
    project = dest.expanduser().absolute()
    before = _recorded(project)
    _require_clean(project)
    console.print("Updating …")
    with copier_errors():
        copier.run_update(
            project,
            data=answers,
            vcs_ref=vcs_ref,
            defaults=defaults or not can_ask(),
            skip_answered=not ask_again,
            overwrite=True,
            unsafe=False,
        )
    after = _recorded(project)
    console.print(f"[green]✓[/] {before['_commit']} → {after['_commit']}")
    _print_notes(str(after["_src_path"]), str(before["_commit"]), str(after["_commit"]))
    if unknown := sorted(set(answers) - set(after)):
        console.print(
            f"[yellow]Note:[/] not questions of the template, ignored: {', '.join(unknown)}"
        )
    if left := conflicts(project):
        listed = "\n".join(f"  {path}" for path in left)
        raise LauncherError(
            f"These files have conflicts. Resolve them, run git add, and commit:\n{listed}"
        )
    if before["_commit"] != after["_commit"]:
        console.print(
            "No conflicts. Review git diff, then run: uv lock && uv sync, uv run app db upgrade, "
            "uv run pytest tests.",
            soft_wrap=True,  # a command that is cut in two cannot be copied
        )


def _recorded(project: Path) -> dict[str, Any]:
    """The answers file of the project.

    Raises:
        LauncherError: it is missing or not valid, or it names no template and version.
    """
    try:
        answers = yaml.safe_load((project / _ANSWERS).read_text("utf-8"))
    except FileNotFoundError as error:
        raise LauncherError(
            f"{project} is not a project of this template, because it has no {_ANSWERS}."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LauncherError(
            f"{project / _ANSWERS} is not valid. Restore it with git checkout {_ANSWERS}."
        ) from error
    if not isinstance(answers, dict) or not {"_src_path", "_commit"} <= answers.keys():
        raise LauncherError(
            f"{project / _ANSWERS} does not name a template and its version, so the project cannot "
            "be updated. It was rendered from a folder that is not a Git repository."
        )
    return answers


def _require_clean(project: Path) -> None:
    if not git.read(project, "rev-parse", "--show-toplevel", check=False):
        raise LauncherError(
            f"{project} is not in a Git repository. An update requires one to merge your changes "
            "(git init, git add ., git commit)."
        )
    if not git.read(project, "rev-parse", "--verify", "--quiet", "HEAD", check=False):
        raise LauncherError(f"{project} has no commit. Commit its files, then update.")
    changed = git.read(project, "status", "--porcelain", "--", ".").splitlines()
    if changed:
        listed = "\n".join(f"  {line}" for line in changed[:_SHOWN])
        more = f"\n  and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        raise LauncherError(
            "The project has uncommitted changes. Commit them, or stash them with "
            f"git stash --include-untracked, then update:\n{listed}{more}"
        )


def conflicts(project: Path) -> list[str]:
    """Files with conflicts: unmerged in the index, with conflict markers, or `.rej` files."""
    found = set(
        git.read(project, "diff", "--name-only", "--diff-filter=U", "--relative").splitlines()
    )
    marked = git.read(
        project,
        *("grep", "--untracked", "-l", "-I", "-E", "^(<{7} before updating|>{7} after updating)"),
        check=False,
    )
    found.update(marked.splitlines())
    for others in (("--exclude-standard",), ("--ignored", "--exclude-standard")):
        listed = git.read(project, "ls-files", "--others", *others, "--", "*.rej")
        found.update(listed.splitlines())
    return sorted(found)


def _print_notes(url: str, old: str, new: str) -> None:
    try:
        notes = fetch_notes(url, old, new)
    except LauncherError as error:
        console.print(f"[yellow]Note:[/] the update notes are not available. {error}")
        return
    for title, text in notes.items():
        console.print(f"\n[bold]Update notes, {title}[/]")
        console.print(text, markup=False)
    if notes:
        console.print()


def main() -> None:
    """Entry point of the command `update`."""
    run(update)
