"""Backup and restore of a project's local database around an update, by the project's commands."""

import os
import subprocess
from pathlib import Path

from launcher.errors import LauncherError

# `app dev` writes it while its services run.
_SERVICES = Path(".dev/env")
_URL = "DATABASE_URL"


def is_running(project: Path) -> bool:
    """Whether commands of the project reach the database that its `app dev` has started.

    A database of which the settings hold the address may be shared, so it is not touched.
    """
    services = project / _SERVICES
    return (
        services.is_file()
        and f"{_URL}=" in services.read_text("utf-8")
        and not os.environ.get(_URL)
    )


def revisions(project: Path) -> str:
    """The last applied migration of each feature, also of those that the code does not have."""
    table, _, _ = app(project, "db", "status").partition("\n\n")
    rows = (line.split()[:2] for line in table.splitlines())
    return "\n".join(sorted(" ".join(row) for row in rows if row[1:] not in ([], ["-"])))


def back_up(project: Path, file: Path) -> None:
    """Write a backup; an older file is replaced."""
    file.unlink(missing_ok=True)
    app(project, "db", "backup", str(file))


def restore(project: Path, file: Path) -> None:
    """Replace the tables by those of the backup."""
    app(project, "db", "restore", str(file), "--yes")


def app(project: Path, *arguments: str) -> str:
    """The output of `uv run app …`.

    Raises:
        LauncherError: the command failed; the message is its own.
    """
    return uv(project, "run", "--quiet", "app", *arguments)


def uv(project: Path, *arguments: str, show: bool = False) -> str:
    """The output of uv in a project; with `show`, it goes to the terminal instead.

    Raises:
        LauncherError: it failed.
    """
    # uv must not use the virtual environment of the launcher for the project.
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    result = subprocess.run(
        [os.environ.get("UV") or "uv", *arguments],
        cwd=project,
        env=environment,
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if result.returncode != 0:
        reason = "" if show else f": {' '.join((result.stderr or '').split())[-400:]}"
        raise LauncherError(f"uv {' '.join(arguments)} failed{reason}.")
    return result.stdout or ""
