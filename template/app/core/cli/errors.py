"""Errors of the command line: one sentence on standard error, exit code 1, no traceback."""

import sys
from collections.abc import Callable
from typing import NoReturn

from sqlalchemy.exc import OperationalError

from app.core.database.connection_errors import explain, is_tls_failure
from app.core.errors import AppError
from app.core.features import FeatureError
from app.core.migrations.errors import MigrationError
from app.core.settings import SettingsError


class CliError(Exception):
    """Something the user can mend; the message says what is wrong and what to do."""


class DoubtfulError(Exception):
    """In a check of `app doctor`: nothing fails yet; the text says what may, and what to do."""


def run(command: Callable[[], object]) -> None:
    """Run the command line; errors that a user can cause end it with a sentence.

    Anything else is a bug of ours and keeps its traceback.
    """
    try:
        command()
    except (CliError, SettingsError, FeatureError, MigrationError, AppError) as error:
        _stop(str(error))
    except OperationalError as error:
        _stop(unreachable(error))


def unreachable(error: Exception) -> str:
    """Say what keeps us from the database, and what to do."""
    if is_tls_failure(error):
        return f"The database is not trusted: {explain(error)}."
    return (
        f"The database does not answer ({explain(error)}). Is DATABASE_URL right, and does "
        "`uv run app dev` run?"
    )


def _stop(message: str) -> NoReturn:
    print(f"Error: {message}", file=sys.stderr)
    sys.exit(1)
