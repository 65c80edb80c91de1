"""Copier's API with one message per error, and without the list of rendered files."""

import contextlib
import io
import sys
from collections.abc import Iterator

from copier.errors import (
    CopierAnswersInterrupt,
    CopierError,
    InteractiveSessionError,
    UnsafeTemplateError,
)
from jinja2 import TemplateError
from plumbum import ProcessExecutionError

from launcher.errors import LauncherError, message_of


def parse_data(pairs: list[str]) -> dict[str, str]:
    """Answers from `name=value` arguments.

    Raises:
        LauncherError: an argument is not `name=value`.
    """
    answers = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise LauncherError(f"--data {pair} is not valid. Write it as --data NAME=VALUE.")
        answers[name] = value
    return answers


def can_ask() -> bool:
    """Whether a terminal is there for questions."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextlib.contextmanager
def copier_errors() -> Iterator[None]:
    """Convert errors of Copier to LauncherError, and hide its progress lines.

    `quiet` of Copier would hide them as well, but checks.jinja accepts unknown names with `quiet`.
    """
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    except CopierAnswersInterrupt as error:
        raise LauncherError("Cancelled at a question. No files were written.") from error
    except UnsafeTemplateError as error:
        raise LauncherError(
            "This update runs a migration of the template, which is code. Read the template's "
            "CHANGELOG, then run uvx copier update --trust."
        ) from error
    except InteractiveSessionError as error:
        raise LauncherError(
            "Questions need a terminal. Add --defaults to take the defaults, and "
            "--data NAME=VALUE for other answers."
        ) from error
    except ProcessExecutionError as error:
        reason = (str(error.stderr).strip().splitlines() or [str(error)])[-1]
        raise LauncherError(f"git could not fetch the template. {reason}") from error
    except (CopierError, TemplateError, ValueError, TypeError, OSError) as error:
        raise LauncherError(message_of(error)) from error
