"""`app ci`: what CI checks, the fastest first."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import typer

from app.core.cli.output import print_table
from devstack.stack import modules


class Tests(StrEnum):
    """Which tests `app ci` runs."""

    ALL = "all"
    QUICK = "quick"
    NONE = "none"
    ONLY = "only"


class Outcome(StrEnum):
    """How a check has ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """A command that fails if something is wrong, and what to do then."""

    title: str
    command: tuple[str, ...]
    cure: str
    skipped: int | None = None  # exit code if it cannot be decided, which is not a failure
    reason: str = ""  # why it cannot be decided
    is_long: bool = False  # its output is shown while it runs

    def run(self, root: Path) -> Outcome:
        """Run it, and print the output of a failure.

        Raises:
            FileNotFoundError: the program is not installed.
        """
        kept = None if self.is_long else subprocess.PIPE
        done = subprocess.run(
            self.command, cwd=root, check=False, stdout=kept, stderr=kept and subprocess.STDOUT
        )
        if not done.returncode:
            return Outcome.PASSED
        if done.stdout:
            typer.echo(done.stdout.decode(errors="replace").rstrip())
        return Outcome.SKIPPED if done.returncode == self.skipped else Outcome.FAILED


def installed(program: str, *arguments: str) -> tuple[str, ...]:
    """A command of the project's environment."""
    return str(Path(sys.executable).with_name(program)), *arguments


# Set by `uv run`, whose program need not be on the PATH.
UV = os.environ.get("UV", "uv")
LEFTOVERS = r"git ls-files | grep '\.rej$' || git grep -n -E '^(<<<<<<<|>>>>>>>) '"
PYTEST = installed("pytest", "-n", "2", "tests", "--cov", "--cov-report=html")

CHECKS = (
    Check("lock file", (UV, "lock", "--check"), "uv lock"),
    Check(
        "update of the template",
        ("sh", "-c", f"! {{ {LEFTOVERS}; }}"),
        "resolve the conflicts that an update left in these files",
    ),
    Check("format", installed("ruff", "format", "--check", "."), "uv run ruff format ."),
    Check("style", installed("ruff", "check", "."), "uv run ruff check --fix ."),
    Check("imports", installed("lint-imports"), "import what the rules allow, see AGENTS.md"),
    Check(
        "known vulnerabilities",
        (UV, "audit", "--locked", "--preview-features", "audit-command"),
        "uv lock --upgrade-package NAME",
        skipped=2,
        reason="repeat it with a network",
    ),
    Check(
        "secrets",
        installed("gitleaks", "git", "--no-banner", "--redact", "--verbose"),
        "revoke the secret, then remove it from the history",
    ),
    Check(
        "clients of the API",
        installed("app", "api-diff"),
        "keep what clients use, or raise the version",
        skipped=2,
        reason="see the message above",
    ),
    Check("types", installed("mypy"), "correct the types"),
    Check(
        "last release on new tables",
        installed("app", "release-check"),
        "expand in this release, contract in a later one, see docs/database.md",
        skipped=2,
        reason="see the message above",
    ),
)
# A module there may have more of them, in `CHECKS`.
COMMANDS = "devstack.commands"
QUICK = Check("tests", installed("pytest"), "uv run pytest --last-failed", is_long=True)
ALL = (
    Check("all tests", PYTEST, "uv run pytest tests --last-failed", is_long=True),
    Check("coverage", installed("python", "-m", "devstack.coverage_floor"), "test what is new"),
)


def chosen(tests: Tests) -> tuple[Check, ...]:
    """The checks of a run."""
    found = (check for module in modules(COMMANDS) for check in getattr(module, "CHECKS", ()))
    first = () if tests is Tests.ONLY else (*CHECKS, *found)
    last = {Tests.QUICK: (QUICK,), Tests.NONE: ()}.get(tests, ALL)
    return (*first, *last)


def run(root: Path, checks: Iterable[Check]) -> bool:
    """Run all checks, also after one that fails, print a summary, and tell whether all is well."""
    rows = []
    for check in checks:
        typer.echo(f"{typer.style(check.title, bold=True)} …")
        started = time.monotonic()
        outcome = check.run(root)
        seconds = f"{time.monotonic() - started:.1f} s"
        rows.append((check.title, outcome, seconds, _advice(check, outcome)))
    typer.echo()
    print_table(("Check", "Result", "Time", "What to do"), *rows)
    return all(outcome is not Outcome.FAILED for _, outcome, *_ in rows)


def _advice(check: Check, outcome: Outcome) -> str:
    if outcome is Outcome.SKIPPED:
        return check.reason
    return check.cure if outcome is Outcome.FAILED else ""
