"""The command `update` in this process, which renders faster than a process of its own."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from launcher.errors import LauncherError
from launcher.update import update


@dataclass(frozen=True)
class Outcome:
    """The exit code, the standard output, and the message of a LauncherError."""

    code: int
    output: str
    error: str


def launch(project: Path, *arguments: str) -> Outcome:
    """Run `update ARGUMENTS` in the folder of a project."""
    app = typer.Typer()
    app.command()(update)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        result = CliRunner().invoke(app, list(arguments))
    error = result.exception
    if isinstance(error, LauncherError):
        return Outcome(1, result.stdout, str(error))
    if error and not isinstance(error, SystemExit):
        raise error
    return Outcome(result.exit_code, result.stdout, "")
