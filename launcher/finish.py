"""`update --continue` finishes an update whose conflicts are solved; `--abort` undoes it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from launcher import database, git, state
from launcher.database import uv
from launcher.errors import LauncherError
from launcher.project import conflicts

_BACKUP = "database.dump"
_DISCARDED = "template-update-aborted.patch"

Say = Callable[[str], None]


def begin(project: Path, old: str, say: Say) -> state.State:
    """Remember the commit, and back up the local database if it runs, before an update starts."""
    state.clear(project)
    started = state.save(project, state.State(state.head(project), old, old))
    try:
        return _save_database(project, started, say)
    except LauncherError as error:
        say(f"The local database was not saved, so --abort will not restore it. {error}")
        return started


def updated(project: Path, started: state.State, new: str) -> None:
    """Remember the version, and which files the update has added."""
    untracked = git.read(project, "ls-files", "--others", "--exclude-standard", "--", ".")
    staged = ("diff", "--cached", "--name-only", "--diff-filter=A", "--relative")
    added = {*untracked.splitlines(), *git.read(project, *staged).splitlines()}
    state.save(project, replace(started, new=new, added=sorted(added)))


def finish(project: Path, say: Say) -> None:
    """Lock, install, upgrade the local database if it runs, and run all tests.

    Raises:
        LauncherError: conflicts are left, or a step failed. `--continue` can be run again.
    """
    current = state.load(project)
    if left := conflicts(project):
        listed = "\n".join(f"  {path}" for path in left)
        raise LauncherError(
            f"These files have conflicts. Solve them and run git add for each:\n{listed}"
        )
    for arguments in (["lock"], ["sync"]):
        say(f"uv {' '.join(arguments)}")
        uv(project, *arguments, show=True)
    if database.is_running(project):
        if current.revisions is None:
            _save_database(project, current, say)
        say("uv run app db upgrade")
        uv(project, "run", "app", "db", "upgrade", show=True)
    else:
        say("The local database does not run: uv run app dev upgrades it at its next start.")
    say("uv run pytest tests")
    uv(project, "run", "pytest", "tests", show=True)


def abort(project: Path, say: Say) -> None:
    """Restore every file, the installed packages, and the local database if it was upgraded.

    Files that were created after the update stay. What is undone is kept as a patch in `.git`.

    Raises:
        LauncherError: no update is under way, or a step failed.
    """
    current = state.load(project)
    git.read(project, "add", "--all", "--", ".")
    discarded = git.read(project, "diff", "--cached", "--binary", "--relative", "HEAD", "--", ".")
    if discarded:
        patch = state.folder(project).parent / _DISCARDED
        patch.write_text(f"{discarded}\n", "utf-8")
        say(f"What is undone, your solutions included, is kept in {patch}.")
    git.read(project, "reset", "--quiet", "--", ".")
    git.read(project, "checkout", "--quiet", "HEAD", "--", ".")
    rejects = git.read(project, "ls-files", "--others", "--", "*.rej").splitlines()
    for path in {*current.added, *rejects}:
        if not git.read(project, "ls-files", "--", path):
            (project / path).unlink(missing_ok=True)
            _remove_empty(project, (project / path).parent)
    if (project / ".venv").is_dir():
        say("uv sync")
        uv(project, "sync", "--quiet")
    _restore_database(project, current, say)
    state.clear(project)


def _save_database(project: Path, current: state.State, say: Say) -> state.State:
    if not database.is_running(project):
        return current
    found = database.revisions(project)
    database.back_up(project, state.folder(project) / _BACKUP)
    say("A backup of the local database was made, for --abort.")
    return state.save(project, replace(current, revisions=found))


def _restore_database(project: Path, current: state.State, say: Say) -> None:
    backup = state.folder(project) / _BACKUP
    if current.revisions is None or not backup.is_file():
        return
    if not database.is_running(project):
        kept = state.folder(project).parent / f"template-update-{_BACKUP}"
        backup.replace(kept)
        say(
            "The local database does not run, so it was not restored. Start uv run app dev, then "
            f"run uv run app db restore {kept}."
        )
    elif database.revisions(project) != current.revisions:
        database.restore(project, backup)
        say("The local database was restored from its backup.")


def _remove_empty(project: Path, folder: Path) -> None:
    while folder != project and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
