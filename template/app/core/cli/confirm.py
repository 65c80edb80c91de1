"""Asks before a command destroys data."""

import sys

import typer

from app.core.cli.errors import CliError
from app.core.settings import get_settings


def refuse_production(effect: str, *, force: bool) -> None:
    """Return only if this is not production, or with `force` (`--force`).

    Raises:
        CliError: production without `force`.
    """
    if get_settings().environment == "production" and not force:
        raise CliError(f"{effect} Refused in ENVIRONMENT=production: add --force to do it.")


def confirm_destructive(effect: str, *, yes: bool, force: bool) -> None:
    """Return only if the user agrees. `effect` is a sentence that describes what will happen.

    `yes` (`--yes`) is the answer for scripts; `force` (`--force`) permits it in production.

    Raises:
        CliError: production without `force`, or no terminal to ask in.
        typer.Abort: the answer was no.
    """
    refuse_production(effect, force=force)
    if yes:
        return
    if not sys.stdin.isatty():
        raise CliError(f"{effect} There is no terminal to ask in: add --yes to do it.")
    typer.confirm(f"{effect} Continue?", abort=True)
