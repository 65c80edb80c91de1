"""Updates of a project, through Copier's public API and without `--trust`."""

from pathlib import Path

import copier
import yaml
from packaging.version import InvalidVersion, Version

from support.commands import attempt, run
from support.snapshot import FIRST_TAG, ROOT

CONFIG = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
# Files that are rendered once and belong to the user afterwards.
USER_FILES = {name.removeprefix("/") for name in CONFIG["_skip_if_exists"]}
# Updates are supported from this many minor versions, and from the last of each major version.
SUPPORTED_MINORS = 5


def supported_tags() -> list[str]:
    """The tags from which an update is supported, the newest first."""
    tags = attempt(["git", "tag"], ROOT).stdout.split()
    versions = sorted(filter(None, map(release_version, tags)), reverse=True)
    minors: dict[tuple[int, int], Version] = {}
    majors: dict[int, Version] = {}
    for each in versions:
        minors.setdefault((each.major, each.minor), each)
        majors.setdefault(each.major, each)
    chosen = {*list(minors.values())[:SUPPORTED_MINORS], *majors.values()}
    return [f"v{each}" for each in sorted(chosen, reverse=True)] or [FIRST_TAG]


def release_version(tag: str) -> Version | None:
    """The version of a tag, or None if the tag is not a final release."""
    try:
        found = Version(tag)
    except InvalidVersion:
        return None
    return None if found.is_prerelease else found


def update(project: Path, ref: str, **answers: object) -> None:
    """Update to a version, with the answers that change."""
    copier.run_update(
        project,
        data=answers,
        vcs_ref=ref,
        defaults=True,
        overwrite=True,
        quiet=True,
        unsafe=False,
    )


def conflicts(project: Path) -> list[str]:
    """Markers, unmerged files and rejects of an update; Copier exits with 0 despite them."""
    marked = attempt(["git", "grep", "--untracked", "-lE", "^(<{7}|>{7}) "], project).stdout
    unmerged = run(["git", "ls-files", "--unmerged"], project)
    return [*marked.splitlines(), *unmerged.splitlines(), *map(str, project.rglob("*.rej"))]


def template_files(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files that an update may change: neither the user's nor those of the sample feature."""
    return {
        name: content
        for name, content in files.items()
        if name not in USER_FILES and "/features/items/" not in name
    }
