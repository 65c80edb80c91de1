"""A tagged copy of a template's working tree, from which tests render projects."""

import shutil
from pathlib import Path

from launcher.testing.commands import run

# Newer than every real tag, so that Copier chooses it by default.
TAG = "v9999.0.0"
# The tag of the last commit as long as the template has no release.
FIRST_TAG = "v0.1.0"


def take(template: Path, folder: Path) -> Path:
    """Clone a template and commit the working tree, uncommitted changes included, as `TAG`.

    Copier renders tags. A render of a dirty tree would record a commit that no update can find.
    """
    if (template / ".git").exists():
        run(["git", "clone", "--quiet", "--no-hardlinks", str(template), str(folder)], template)
        if not run(["git", "tag"], folder):
            run(["git", "tag", FIRST_TAG], folder)
        listed = run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], template
        ).split("\0")
    else:  # an archive of the repository: every file in it belongs to it
        run(["git", "init", "--quiet", str(folder)], template)
        files = template.rglob("*")
        listed = [str(path.relative_to(template)) for path in files if path.is_file()]
    for path in folder.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in filter(None, listed):
        if (template / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(template / name, folder / name)
    commit(folder, "The working tree", TAG)
    if not (template / ".git").exists():
        run(["git", "tag", FIRST_TAG], folder)
    return folder


def commit(folder: Path, message: str, tag: str | None = None) -> None:
    """Commit every change of a repository, and tag the commit."""
    run(["git", "add", "--all"], folder)
    run(["git", "commit", "--quiet", "--allow-empty", "--message", message], folder)
    if tag:
        run(["git", "tag", "--force", tag], folder)
