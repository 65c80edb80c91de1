"""Errors of the command line: one sentence on standard error, exit code 1, no traceback."""

import sys
from collections.abc import Callable

from pydantic import ValidationError
from sqlalchemy.exc import OperationalError

from app.core.errors import AppError
from app.core.features import FeatureError
from app.core.migrations.errors import MigrationError
from app.core.settings import SettingsError


class CliError(Exception):
    """An error that the user can correct. The message says what is wrong and what to do."""


def invalid_option(error: ValidationError) -> CliError:
    """Return the error for the first option that a model refuses."""
    first = error.errors()[0]
    return CliError(f"{first['loc'][0]}: {first['msg']}.")


class DoubtfulError(Exception):
    """A warning of `app doctor`: nothing fails yet. The message says what may fail and why."""


def run(command: Callable[[], object]) -> None:
    """Run the command line. An error that a user can cause ends it with one sentence.

    Any other error is a bug and keeps its traceback.
    """
    try:
        command()
    except Exception as error:
        message = user_message(error)
        if message is None:
            raise
        print(f"Error: {message}", file=sys.stderr)
        sys.exit(1)


def user_message(error: Exception) -> str | None:
    """Return the sentence for an error that a user can cause, and None for a bug."""
    if isinstance(error, OperationalError):
        return unreachable(error)
    user_errors = (CliError, SettingsError, FeatureError, MigrationError, AppError)
    return str(error) if isinstance(error, user_errors) else None


def unreachable(error: Exception) -> str:
    """Say why the database cannot be used, and what to do."""
    # Its import takes most of a second, which the completion of a shell does not need.
    from app.core.database.connection_errors import explain, is_tls_failure

    if is_tls_failure(error):
        return f"The database is not trusted: {explain(error)}."
    return (
        f"The database does not answer ({explain(error)}). Check DATABASE_URL, and whether "
        "`uv run app dev` is running."
    )
