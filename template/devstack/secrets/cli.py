"""`app secrets check` and `app secrets push`."""

import sys
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.core.cli.errors import CliError
from app.core.cli.output import print_table
from app.core.settings.references import is_reference, resolve
from devstack.errors import DevStackError
from devstack.secrets import inventory
from devstack.secrets.inventory import State, Value
from devstack.secrets.platforms import Platform, fly, github

cli = typer.Typer(
    name="secrets",
    no_args_is_help=True,
    help="The secrets of an environment, without their values.",
)


class Target(StrEnum):
    """Platforms that keep secrets."""

    GITHUB = "github"
    FLY = "fly"


File = Annotated[
    Path | None,
    typer.Option("--file", exists=True, dir_okay=False, help="A settings file of a deployment."),
]
Environment = Annotated[
    str | None, typer.Option("--environment", help="An environment of the GitHub repository.")
]
App = Annotated[str | None, typer.Option("--app", help="The app at Fly (default: of fly.toml).")]


def _platform(target: Target, environment: str | None, app: str | None) -> Platform:
    return github(environment) if target is Target.GITHUB else fly(app)


def _of_file(path: Path) -> dict[str, Value]:
    try:
        return inventory.of_file(path)
    except DevStackError as error:
        raise CliError(str(error)) from None


@cli.command()
def check(
    target: Annotated[
        Target | None, typer.Argument(help="A platform (default: this machine, or --file).")
    ] = None,
    file: File = None,
    environment: Environment = None,
    app: App = None,
    max_age: Annotated[int, typer.Option(min=1, help="Days after which a secret is stale.")] = 365,
) -> None:
    """List what is set, missing, wrong, stale or unused, and where it comes from.

    The exit code is 1 if something is missing or wrong.
    """
    wrong: Mapping[str, str] = {}
    if target:
        values = _platform(target, environment, app).values()
    elif file:
        values = _of_file(file)
        wrong = inventory.problems(values)
    else:
        values = inventory.local()
        wrong = inventory.problems(values)
    found = list(inventory.report(values, wrong, max_age=timedelta(days=max_age)))
    print_table(("Variable", "State", "Source", "Remark"), *found)
    if any(finding.state in (State.MISSING, State.WRONG) for finding in found):
        raise typer.Exit(1)


@cli.command()
def push(
    target: Annotated[Target, typer.Argument(help="The platform.")],
    file: Annotated[
        Path, typer.Option("--file", exists=True, dir_okay=False, help="File with the values.")
    ] = Path(".env.production"),
    environment: Environment = None,
    app: App = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Write the settings of a file to a platform, after a look at the changes. Delete nothing."""
    settings = inventory.known()
    values = {name: value for name, value in _of_file(file).items() if name in settings}
    if not values:
        raise CliError(f"{file} has no setting of this project.")
    platform = _platform(target, environment, app)
    there = platform.values()
    print_table(("Variable", "Change", "Set there at"), *_changes(values, there))
    if not yes:
        if not sys.stdin.isatty():
            raise CliError("There is no terminal to ask in: add --yes to write these values.")
        typer.confirm(f"Write {len(values)} values to {platform.name}?", abort=True)
    platform.push({name: _resolved(name, value) for name, value in values.items()})
    print(f"Wrote {len(values)} values to {platform.name}.")


def _changes(
    values: Mapping[str, Value], there: Mapping[str, Value]
) -> list[tuple[str, str, object]]:
    rows: list[tuple[str, str, object]] = [
        (
            name,
            "replaced" if name in there else "new",
            there[name].changed if name in there else None,
        )
        for name in sorted(values)
    ]
    rows += [
        (name, "stays, not in the file", there[name].changed)
        for name in sorted(there.keys() - values)
    ]
    return rows


def _resolved(name: str, value: Value) -> str:
    text = value.text or ""
    try:
        return resolve(text) if is_reference(text) else text
    except ValueError as error:
        raise CliError(f"{name}: {error}.") from None
