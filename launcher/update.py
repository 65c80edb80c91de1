"""`update [DEST]`: Copier's update, which requires a clean tree and exits with 1 on conflicts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import copier
import typer
from rich.console import Console

from launcher import drift, git
from launcher.adopt import adopt
from launcher.errors import LauncherError, run
from launcher.notes import notes_between
from launcher.preview import preview
from launcher.preview_text import as_json, as_markdown, as_text
from launcher.project import ANSWERS, conflicts, recorded, require_clean
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
    show_drift: Annotated[
        bool,
        typer.Option(
            "--drift", help="Show edits of the template's files; exit code 2 if there are some."
        ),
    ] = False,
    run_adopt: Annotated[
        bool, typer.Option("--adopt", help="Write a lost or broken answers file again.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="With --preview or --drift: as JSON.")
    ] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="With --preview: as the body of a pull request.")
    ] = False,
) -> None:
    """Update a project to a newer version of its template. Your own code is not changed."""
    modes = {"--preview": show_preview, "--drift": show_drift, "--adopt": run_adopt}
    mode = _only_mode(modes)
    if (json and mode not in ("--preview", "--drift")) or (markdown and mode != "--preview"):
        raise LauncherError("--json fits to --preview and --drift, and --markdown to --preview.")
    answers = parse_data(data or [])
    git.require_git()
    project = dest.expanduser().absolute()
    match mode:
        case "--preview":
            found = preview(project, answers, vcs_ref)
            print((as_json if json else as_markdown if markdown else as_text)(found))
        case "--drift":
            edits = drift.drift(project)
            print((drift.as_json if json else drift.as_text)(edits))
            raise typer.Exit(2 if edits else 0)
        case "--adopt":
            _adopt(project, vcs_ref)
        case _:
            _update(project, answers, vcs_ref, defaults=defaults, ask_again=ask_again)


def _only_mode(modes: Mapping[str, bool]) -> str | None:
    chosen = [name for name, value in modes.items() if value]
    if len(chosen) > 1:
        raise LauncherError(f"{' and '.join(chosen)} exclude each other. Use one of them.")
    return chosen[0] if chosen else None


def _adopt(project: Path, vcs_ref: str | None) -> None:
    adoption = adopt(project, vcs_ref)
    equal = adoption.files - len(adoption.edits)
    if adoption.committed:
        console.print("[green]✓[/] a first commit holds the project as it was")
    console.print(
        f"[green]✓[/] {ANSWERS} names {adoption.version}: {equal} of {adoption.files} files of the "
        "template are as in this version.",
        soft_wrap=True,
    )
    console.print("Review git diff and commit the file. update --drift shows the edited files.")


def _update(
    project: Path, answers: dict[str, str], vcs_ref: str | None, *, defaults: bool, ask_again: bool
) -> None:
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
