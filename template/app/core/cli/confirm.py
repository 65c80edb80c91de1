"""Asking before something is destroyed."""

import sys

import typer

from app.core.cli.errors import CliError
from app.core.settings import get_settings


def confirm_destructive(what: str, *, yes: bool, force: bool) -> None:
    """Return only if the user means it. `what` is a sentence: what will happen.

    `yes` (`--yes`) answers for scripts; `force` (`--force`) lifts the refusal in production.

    Raises:
        CliError: production without `force`, or nobody there to ask.
        typer.Abort: the answer was no.
    """
    if get_settings().environment == "production" and not force:
        raise CliError(f"{what} Refused, as ENVIRONMENT is production: add --force to do it.")
    if yes:
        return
    if not sys.stdin.isatty():
        raise CliError(f"{what} There is no terminal to ask in: add --yes to do it.")
    typer.confirm(f"{what} Go on?", abort=True)
