"""Why an update conflicts: what the template and the team have changed in a file, and when."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher import git
from launcher.project import ANSWERS
from launcher.template import Template

_SHOWN = 5
# The order in which conflicts are solved: a file comes after those that it builds on.
_ORDER = (
    ANSWERS,
    "pyproject.toml",
    "app/core/",
    "app/extensions/",
    "app/",
    "devstack/",
    "tests/",
    "docs/",
)


@dataclass(frozen=True)
class Conflict:
    """A file, the entries of the template's changelog and its commits, and the team's commits."""

    path: str
    entries: list[str]
    theirs: list[str]
    ours: list[str]


def in_order(paths: list[str]) -> list[str]:
    """The files in the order in which to solve them: what others build on comes first."""

    def position(path: str) -> tuple[int, str]:
        places = [place for place, start in enumerate(_ORDER) if path.startswith(start)]
        return places[0] if places else _ORDER.index("tests/"), path

    return sorted(paths, key=position)


def explain(
    project: Path, paths: list[str], template: Template, before: Mapping[str, Any], new: str
) -> list[Conflict]:
    """Explain conflicts between the version of `before`, an answers file, and `new`."""
    old = str(before["_commit"])
    sources = template.sources(old, before) | template.sources(new, before)
    changelog = _entries(template.file(new, "CHANGELOG.md"))
    found = []
    for path in in_order(paths):
        source = sources.get(path.removesuffix(".rej"))
        commits = _log(template.clone, f"{old}..{new}", source) if source else []
        added = "".join(
            git.read(template.clone, "show", "--format=", each.split()[0], "--", "CHANGELOG.md")
            for each in commits
        )
        lines = {line[1:].strip() for line in added.splitlines() if line.startswith("+")}
        found.append(
            Conflict(
                path,
                [entry for entry in changelog if entry.partition("\n")[0].strip() in lines],
                commits,
                _ours(project, path.removesuffix(".rej")),
            )
        )
    return found


def as_text(found: list[Conflict]) -> str:
    """The conflicts, numbered in their order."""
    lines = []
    for number, each in enumerate(found, 1):
        lines += [f"{number}. {each.path}"]
        for title, entries in (
            ("why the template changed it", each.entries),
            ("commits of the template", each.theirs),
            ("your commits", each.ours),
        ):
            if entries:
                lines += [f"   {title}:"]
                lines += [f"     {' '.join(entry.split())}" for entry in entries[:_SHOWN]]
                if len(entries) > _SHOWN:
                    lines += [f"     and {len(entries) - _SHOWN} more"]
    return "\n".join(lines)


def _log(folder: Path, revisions: str, path: str) -> list[str]:
    """Lines such as `1a2b3c4 2026-11-02 Ada: Say who changed it`, the newest first."""
    form = ("--no-merges", "--date=short", "--format=%h %ad %an: %s")
    return git.read(folder, "log", *form, revisions, "--", path, check=False).splitlines()


def _ours(project: Path, path: str) -> list[str]:
    """The commits of the project that changed a file and are neither an update nor its start."""
    updates = set(
        git.read(project, "log", "--format=%h", "HEAD", "--", ANSWERS, check=False).splitlines()
    )
    return [line for line in _log(project, "HEAD", path) if line.split()[0] not in updates]


def _entries(changelog: str) -> list[str]:
    """The items of all lists, with their continuation lines."""
    return re.findall(r"^(?:[-*]|\d+\.) .*(?:\n {2,}\S.*)*", changelog, re.MULTILINE)
