"""`update [DEST]`: Copier's update, which requires a clean tree and exits with 1 on conflicts."""

from pathlib import Path
from typing import Annotated

import copier
import typer
from rich.console import Console

from launcher import git
from launcher.errors import LauncherError, run
from launcher.notes import notes_between
from launcher.preview import preview
from launcher.preview_text import as_json, as_markdown, as_text
from launcher.project import conflicts, recorded, require_clean
from launcher.rendering import can_ask, copier_errors, parse_data
from launcher.template import cloned

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
    show_preview: Annotated[
        bool, typer.Option("--preview", help="Say what the update would bring; write nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="With --preview: as JSON.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="With --preview: as the body of a pull request.")
    ] = False,
) -> None:
    """Update a project to a newer version of its template. Your own code is not changed."""
    answers = parse_data(data or [])
    git.require_git()
    project = dest.expanduser().absolute()
    if (json or markdown) and not show_preview:
        raise LauncherError("--json and --markdown are forms of --preview: add --preview.")
    if show_preview:
        found = preview(project, answers, vcs_ref)
        print((as_json if json else as_markdown if markdown else as_text)(found))
        return
    before = recorded(project)
    require_clean(project)
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
    after = recorded(project)
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


def _print_notes(url: str, old: str, new: str) -> None:
    try:
        with cloned(url) as template:
            changelogs = (template.file(ref, "CHANGELOG.md") for ref in (old, new))
            notes = notes_between(*changelogs)
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
