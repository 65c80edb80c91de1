"""What `update` remembers until its result is committed, in the folder `.git`."""

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

from launcher import git
from launcher.errors import LauncherError

_FOLDER = "template-update"


@dataclass(frozen=True)
class State:
    """The commit from which an update started, the versions, and the files that it added.

    `revisions` is the state of the local database before it was upgraded, if it was saved.
    """

    head: str
    old: str
    new: str
    added: list[str] = field(default_factory=list)
    revisions: str | None = None


def save(project: Path, state: State) -> State:
    """Write the state, in place of an older one."""
    folder(project).mkdir(parents=True, exist_ok=True)
    (folder(project) / "state.json").write_text(json.dumps(asdict(state)), "utf-8")
    return state


def load(project: Path) -> State:
    """The state of the update that is not committed yet.

    Raises:
        LauncherError: there is none, or something was committed since.
    """
    file = folder(project) / "state.json"
    if not file.is_file():
        raise LauncherError("No update is under way: run update first.")
    state = State(**json.loads(file.read_text("utf-8")))
    if state.head != head(project):
        raise LauncherError(
            f"The update to {state.new} is over, because something was committed since. To undo "
            "a commit, use git revert."
        )
    return state


def clear(project: Path) -> None:
    """Forget the update, with the backup of the database."""
    shutil.rmtree(folder(project), ignore_errors=True)


def folder(project: Path) -> Path:
    """The folder for the state and the backup. Each worktree has its own."""
    path = git.read(project, "rev-parse", "--git-path", _FOLDER)
    prefix = git.read(project, "rev-parse", "--show-prefix").strip("/").replace("/", "-")
    return (project / path / prefix) if prefix else project / path


def head(project: Path) -> str:
    """The commit that is checked out."""
    return git.read(project, "rev-parse", "HEAD")
