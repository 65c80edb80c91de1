"""The one error of the launcher, and how Copier's errors become it."""

import re
import sys
from collections.abc import Callable

import typer


class LauncherError(Exception):
    """Something the user can put right: shown as one sentence, exit code 1."""


def run(command: Callable[..., None]) -> None:
    """Run a function as a command line of its own, with its errors as sentences."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    try:
        app()
    except LauncherError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)


# Copier puts these around the sentence of a validator or of the checks in copier.yml.
_WRAPPED = (
    re.compile(r"Validation error for question '\w+': (?P<sentence>.*)", re.DOTALL),
    re.compile(r"""'None' has no attribute (?P<quote>['"])Refused: (?P<sentence>.*)(?P=quote)"""),
)


def sentence_of(error: Exception) -> str:
    """The sentence inside an error that Copier raised, as one line."""
    text = str(error)
    for pattern in _WRAPPED:
        if match := pattern.fullmatch(text):
            text = match["sentence"]
    return " ".join(text.split()) or type(error).__name__
