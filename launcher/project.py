"""A rendered project: its answers file, its Git state, and the conflicts of an update."""

from pathlib import Path
from typing import Any

import yaml

from launcher import git
from launcher.errors import LauncherError

ANSWERS = ".copier-answers.yml"
_SHOWN = 10


def recorded(project: Path) -> dict[str, Any]:
    """The answers file of the project.

    Raises:
        LauncherError: it is missing or not valid, or it names no template and version.
    """
    try:
        answers = yaml.safe_load((project / ANSWERS).read_text("utf-8"))
    except FileNotFoundError as error:
        raise LauncherError(
            f"{project} is not a project of this template, because it has no {ANSWERS}. If the "
            "file was lost, update --adopt writes it again."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LauncherError(
            f"{project / ANSWERS} is not valid. Restore it with git checkout {ANSWERS}, or write "
            "it again with update --adopt."
        ) from error
    if not isinstance(answers, dict) or not {"_src_path", "_commit"} <= answers.keys():
        raise LauncherError(
            f"{project / ANSWERS} does not name a template and its version, so the project cannot "
            "be updated. It was rendered from a folder that is not a Git repository, or edited by "
            "hand. update --adopt finds both."
        )
    return answers


def require_repository(project: Path) -> None:
    """Check that the project has a commit.

    Raises:
        LauncherError: it is not in a Git repository, or the repository has no commit.
    """
    if not git.read(project, "rev-parse", "--show-toplevel", check=False):
        raise LauncherError(
            f"{project} is not in a Git repository. An update requires one to merge your changes "
            "(git init, git add ., git commit)."
        )
    if not git.read(project, "rev-parse", "--verify", "--quiet", "HEAD", check=False):
        raise LauncherError(f"{project} has no commit. Commit its files, then update.")


def changed_files(project: Path) -> list[str]:
    """The lines of `git status --porcelain` for the project."""
    return git.read(project, "status", "--porcelain", "--", ".").splitlines()


def require_clean(project: Path) -> None:
    """Check that all changes of the project are committed.

    Raises:
        LauncherError: it has uncommitted changes, or no commit.
    """
    require_repository(project)
    changed = changed_files(project)
    if changed:
        listed = "\n".join(f"  {line}" for line in changed[:_SHOWN])
        more = f"\n  and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        raise LauncherError(
            "The project has uncommitted changes. Commit them, or stash them with "
            f"git stash --include-untracked, then update:\n{listed}{more}"
        )


def conflicts(project: Path) -> list[str]:
    """Files with conflicts: unmerged in the index, with conflict markers, or `.rej` files."""
    found = set(
        git.read(project, "diff", "--name-only", "--diff-filter=U", "--relative").splitlines()
    )
    marked = git.read(
        project,
        *("grep", "--untracked", "-l", "-I", "-E", "^(<{7} before updating|>{7} after updating)"),
        check=False,
    )
    found.update(marked.splitlines())
    for others in (("--exclude-standard",), ("--ignored", "--exclude-standard")):
        listed = git.read(project, "ls-files", "--others", *others, "--", "*.rej")
        found.update(listed.splitlines())
    return sorted(found)
