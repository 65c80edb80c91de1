"""Git, as far as the launcher needs it."""

import shutil
import subprocess
from pathlib import Path

from launcher.errors import LauncherError


def require_git() -> None:
    """Raises LauncherError if git is not installed."""
    if shutil.which("git") is None:
        raise LauncherError("git is not installed: install it and run the command again.")


def read(folder: Path, *arguments: str, check: bool = True) -> str:
    """The output of a git command in `folder`, without the last line break.

    Raises:
        LauncherError: git failed (with `check`).
    """
    result = subprocess.run(
        ["git", "-c", "core.quotePath=false", *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if check and result.returncode != 0:
        reason = " ".join(result.stderr.split()) or f"exit code {result.returncode}"
        raise LauncherError(f"git {arguments[0]} failed in {folder}: {reason}")
    return result.stdout.rstrip("\n")


def has_identity(folder: Path) -> bool:
    """Whether git has been told in whose name to commit, by its settings or its environment."""
    return all(
        read(folder, "-c", "user.useConfigOnly=true", "var", who, check=False)
        for who in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT")
    )
