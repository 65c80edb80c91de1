"""`update [DEST]`: Copier's update, which requires a clean tree and exits with 1 on conflicts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import copier
import typer
from rich.console import Console
from rich.markup import escape

from launcher import drift, explain, finish, git, state
from launcher.adopt import adopt
from launcher.contribute import contribute
from launcher.errors import LauncherError, run
from launcher.notes import notes_between
from launcher.preview import preview
from launcher.preview_text import as_json, as_markdown, as_text
from launcher.project import ANSWERS, changed_files, conflicts, recorded, require_clean
from launcher.rendering import can_ask, copier_errors, parse_data
from launcher.template import Template, cloned

console = Console(stderr=True, highlight=False)


def update(
    dest: Annotated[
        list[Path] | None,
        typer.Argument(
            help="The project, by default the current folder; with --contribute, files in it."
        ),
    ] = None,
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
    run_continue: Annotated[
        bool,
        typer.Option("--continue", help="After conflicts: lock, install, upgrade, run the tests."),
    ] = False,
    run_abort: Annotated[
        bool, typer.Option("--abort", help="Undo an update that is not committed yet.")
    ] = False,
    run_contribute: Annotated[
        bool,
        typer.Option("--contribute", help="Print a patch of the template from edits of DEST."),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="With --preview or --drift: as JSON.")
    ] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="With --preview: as the body of a pull request.")
    ] = False,
) -> None:
    """Update a project to a newer version of its template. Your own code is not changed."""
    mode = _only_mode(
        {
            "--preview": show_preview,
            "--drift": show_drift,
            "--adopt": run_adopt,
            "--continue": run_continue,
            "--abort": run_abort,
            "--contribute": run_contribute,
        }
    )
    if (json and mode not in ("--preview", "--drift")) or (markdown and mode != "--preview"):
        raise LauncherError("--json fits to --preview and --drift, and --markdown to --preview.")
    answers = parse_data(data or [])
    git.require_git()
    paths = dest or []
    if mode == "--contribute":
        _contribute(paths)
        return
    if len(paths) > 1:
        raise LauncherError("Name one project. Only --contribute takes several files.")
    project = (paths or [Path()])[0].expanduser().absolute()
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
        case "--continue":
            finish.finish(project, _say)
            console.print("[green]✓[/] The update is complete. Review git diff and commit it.")
        case "--abort":
            finish.abort(project, _say)
            console.print("[green]✓[/] The project is as it was before the update.")
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


def _contribute(files: list[Path]) -> None:
    if not files:
        raise LauncherError("Name the edited or new files, such as --contribute app/core/redis.py.")
    first = files[0].expanduser().absolute()
    project = next((each for each in first.parents if (each / ANSWERS).is_file()), Path.cwd())
    contribution = contribute(project, files)
    for remark in contribution.remarks:
        _note(remark)
    if not contribution.patch:
        raise LauncherError("No patch was made: see the notes above.")
    print(contribution.patch, end="")


def _update(
    project: Path, answers: dict[str, str], vcs_ref: str | None, *, defaults: bool, ask_again: bool
) -> None:
    before = recorded(project)
    require_clean(project)
    started = finish.begin(project, str(before["_commit"]), _say)
    console.print("Updating …")
    try:
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
    finally:
        if not changed_files(project):
            state.clear(project)
    after = recorded(project)
    if changed_files(project):
        finish.updated(project, started, str(after["_commit"]))
    console.print(f"[green]✓[/] {before['_commit']} → {after['_commit']}")
    if unknown := sorted(set(answers) - set(after)):
        _note(f"not questions of the template, ignored: {', '.join(unknown)}")
    left = explain.in_order(conflicts(project))
    try:
        with cloned(str(after["_src_path"])) as template:
            _print_notes(template, str(before["_commit"]), str(after["_commit"]))
            found = explain.explain(project, left, template, before, str(after["_commit"]))
    except LauncherError as error:
        _note(f"the update notes are not available. {error}")
        found = []
    if left:
        console.print(explain.as_text(found), markup=False, soft_wrap=True)
        listed = "\n".join(f"  {path}" for path in left)
        raise LauncherError(
            "These files have conflicts. Solve them in this order and run git add for each, then "
            f"update --continue. update --abort undoes everything.\n{listed}"
        )
    if before["_commit"] != after["_commit"]:
        console.print(
            "No conflicts. Review git diff, then run update --continue, which does the rest: "
            "uv lock && uv sync, uv run app db upgrade, uv run pytest tests. update --abort undoes "
            "everything.",
            soft_wrap=True,  # a command that is cut in two cannot be copied
        )


def _say(text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)


def _note(text: str) -> None:
    console.print(f"[yellow]Note:[/] {escape(text)}", soft_wrap=True)


def _print_notes(template: Template, old: str, new: str) -> None:
    changelogs = (template.file(ref, "CHANGELOG.md") for ref in (old, new))
    notes = notes_between(*changelogs)
    for title, text in notes.items():
        console.print(f"\n[bold]Update notes, {title}[/]")
        console.print(text, markup=False)
    if notes:
        console.print()


def main() -> None:
    """Entry point of the command `update`."""
    run(update)
