"""Git commands of the launcher."""

import shutil
import subprocess
from pathlib import Path

from launcher.errors import LauncherError


def require_git() -> None:
    """Check that Git is installed.

    Raises:
        LauncherError: it is not.
    """
    if shutil.which("git") is None:
        raise LauncherError("git is not installed. Install it and run the command again.")


def read(folder: Path, *arguments: str, check: bool = True) -> str:
    """The output of a Git command in `folder`, without the last line break.

    Raises:
        LauncherError: `check` is true and the command failed.
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
    """Whether Git knows an author and a committer, from its settings or the environment."""
    return all(
        read(folder, "-c", "user.useConfigOnly=true", "var", name, check=False)
        for name in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT")
    )
