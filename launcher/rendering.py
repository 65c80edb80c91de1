"""Copier's API, with its errors as one sentence each and its file list left out."""

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

from launcher.errors import LauncherError, sentence_of


def parse_data(pairs: list[str]) -> dict[str, str]:
    """Answers from `name=value` arguments.

    Raises:
        LauncherError: an argument has no `=`.
    """
    answers = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise LauncherError(f"--data {pair} has no value: write it as --data name=value.")
        answers[name] = value
    return answers


def can_ask() -> bool:
    """Whether somebody is there to answer questions."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextlib.contextmanager
def copier_errors() -> Iterator[None]:
    """Turn whatever Copier raises into a LauncherError, and keep its progress lines off the screen.

    Copier is not run with `quiet`: the checks of copier.yml tell by it who is rendering.
    """
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    except CopierAnswersInterrupt as error:
        raise LauncherError("Stopped at a question: nothing was written.") from error
    except UnsafeTemplateError as error:
        raise LauncherError(
            "This step runs code of the template (a migration): read its CHANGELOG, then run "
            "uvx copier update --trust yourself."
        ) from error
    except InteractiveSessionError as error:
        raise LauncherError(
            "There is no terminal to ask questions in: add --defaults, and --data name=value for "
            "answers of your own."
        ) from error
    except ProcessExecutionError as error:
        reason = (str(error.stderr).strip().splitlines() or [str(error)])[-1]
        raise LauncherError(f"git could not fetch the template: {reason}") from error
    except (CopierError, TemplateError, ValueError, TypeError, OSError) as error:
        raise LauncherError(sentence_of(error)) from error
