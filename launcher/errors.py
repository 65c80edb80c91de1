"""The error of the launcher, and the message inside an error of Copier."""

import re
import sys
from collections.abc import Callable

import typer


class LauncherError(Exception):
    """An error that the user can correct: its message is printed, and the exit code is 1."""


def run(command: Callable[..., None]) -> None:
    """Run a function as a command line, and print its LauncherError as one message."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    try:
        app()
    except LauncherError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)


# How Copier wraps the message of a validator, and of the question `checked` in copier.yml.
_WRAPPERS = (
    re.compile(r"Validation error for question '\w+': (?P<message>.*)", re.DOTALL),
    re.compile(r"""'None' has no attribute (?P<quote>['"])Refused: (?P<message>.*)(?P=quote)"""),
)


def message_of(error: Exception) -> str:
    """The message of an error that Copier raised, on one line and without its wrapper."""
    text = str(error)
    for pattern in _WRAPPERS:
        if match := pattern.fullmatch(text):
            text = match["message"]
    return " ".join(text.split()) or type(error).__name__
