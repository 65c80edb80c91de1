"""The command `update` in this process, which renders faster than a process of its own."""

import io
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from launcher import update as module
from launcher.errors import LauncherError


@dataclass(frozen=True)
class Outcome:
    """The exit code, both outputs, and the message of a LauncherError."""

    code: int
    output: str
    error: str
    notes: str


def launch(project: Path, *arguments: str) -> Outcome:
    """Run `update ARGUMENTS` in the folder of a project."""
    app = typer.Typer()
    app.command()(module.update)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        written = io.StringIO()
        patch.setattr(module.console, "file", written)
        result = CliRunner().invoke(app, list(arguments))
    notes = written.getvalue()
    error = result.exception
    if isinstance(error, LauncherError):
        return Outcome(1, result.stdout, str(error), notes)
    if error and not isinstance(error, SystemExit):
        raise error
    return Outcome(result.exit_code, result.stdout, "", notes)
