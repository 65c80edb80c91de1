"""What an update would bring: the update itself, run in a copy of the project."""

import re
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import copier

from launcher import git
from launcher.migrations import Migration, is_migration, read_migrations
from launcher.notes import notes_between
from launcher.project import ANSWERS, conflicts, recorded, require_repository
from launcher.rendering import copier_errors
from launcher.template import Template, cloned

_VARIABLE = re.compile(r"^#?([A-Z][A-Z0-9_]+)=", re.MULTILINE)
_EXAMPLE = ".env.example"
RETIRED = "app/core/settings/retired.toml"


@dataclass(frozen=True)
class Question:
    """A question that the project has not been asked yet, and the answer that it would get."""

    name: str
    help: str
    answer: Any
    option: bool


@dataclass(frozen=True)
class Preview:
    """All lists are sorted; paths are those of the project."""

    old: str
    new: str
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    questions_removed: list[str] = field(default_factory=list)
    settings_added: list[str] = field(default_factory=list)
    settings_renamed: dict[str, str] = field(default_factory=dict)
    settings_removed: list[str] = field(default_factory=list)
    migrations: list[Migration] = field(default_factory=list)
    dependencies: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether the update would change nothing."""
        return not (self.added or self.changed or self.removed or self.conflicts)


def preview(project: Path, data: Mapping[str, str], vcs_ref: str | None) -> Preview:
    """Update a copy of the last commit of a project, and compare. The project is not written.

    Raises:
        LauncherError: the project or its template cannot be read, or the answers are refused.
    """
    before = recorded(project)
    require_repository(project)
    with copied(project) as copy, cloned(str(before["_src_path"])) as template:
        with copier_errors():
            copier.run_update(
                copy,
                data=dict(data),
                vcs_ref=vcs_ref,
                defaults=True,
                skip_answered=True,
                overwrite=True,
                unsafe=False,
            )
        return _compare(copy, before, template)


@contextmanager
def copied(project: Path) -> Iterator[Path]:
    """A temporary clone of the project's repository; gives the project's folder in it."""
    root = Path(git.read(project, "rev-parse", "--show-toplevel"))
    prefix = git.read(project, "rev-parse", "--show-prefix")
    with tempfile.TemporaryDirectory(prefix="update-") as scratch:
        # The folder keeps its name, in case that a default is derived from it.
        copy = Path(scratch) / root.name
        git.read(root, "clone", "--quiet", "--shared", "--no-tags", "--", str(root), str(copy))
        yield copy / prefix if prefix else copy


def _compare(copy: Path, before: Mapping[str, Any], template: Template) -> Preview:
    after = recorded(copy)
    old, new = str(before["_commit"]), str(after["_commit"])
    clashing = conflicts(copy)
    git.read(copy, "add", "--all", "--", ".")
    files = _changes(copy)
    example = (_settings(_show(copy, _EXAMPLE)), _settings(_text(copy / _EXAMPLE)))
    renamed = {
        name: str(entry["renamed_to"])
        for name, entry in tomllib.loads(_text(copy / RETIRED)).items()
        if name in example[0] - example[1] and "renamed_to" in entry
    }
    asked = template.questions(new)
    return Preview(
        old=old,
        new=new,
        added=files["A"],
        changed=[path for path in files["M"] if path not in clashing],
        removed=files["D"],
        conflicts=clashing,
        questions=[
            Question(
                name,
                " ".join(str(asked[name].get("help", "")).split()),
                after[name],
                option=asked[name].get("type") == "bool",
            )
            for name in asked
            if name in after and name not in before
        ],
        questions_removed=sorted(template.questions(old).keys() - asked.keys()),
        settings_added=sorted(example[1] - example[0] - set(renamed.values())),
        settings_renamed=renamed,
        settings_removed=sorted(example[0] - example[1] - renamed.keys()),
        migrations=read_migrations(
            (path, _text(copy / path)) for path in files["A"] if is_migration(path)
        ),
        dependencies=_dependency_changes(
            _show(copy, "pyproject.toml"), _text(copy / "pyproject.toml")
        ),
        notes=notes_between(template.file(old, "CHANGELOG.md"), template.file(new, "CHANGELOG.md")),
    )


def _changes(copy: Path) -> dict[str, list[str]]:
    """The staged files by their status: A added, M changed, D removed; not the answers file."""
    found: dict[str, list[str]] = {"A": [], "M": [], "D": []}
    listed = git.read(
        copy,
        *("diff", "--cached", "--name-status", "--no-renames", "--relative", "HEAD", "--", "."),
    )
    for line in listed.splitlines():
        status, _, path = line.partition("\t")
        if path != ANSWERS:
            found["M" if status not in found else status].append(path)
    return found


def _settings(example: str) -> set[str]:
    return set(_VARIABLE.findall(example))


def _show(copy: Path, path: str) -> str:
    return git.read(copy, "show", f"HEAD:./{path}", check=False)


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.is_file() else ""


def _dependency_changes(old: str, new: str) -> list[str]:
    """Lines such as `+ httpx>=0.28 (app)` for each entry of a group that differs."""
    before, after = _dependencies(old), _dependencies(new)
    return [
        f"{sign} {line} ({group})"
        for group in sorted(before.keys() | after.keys())
        for sign, lines in (
            ("-", before.get(group, set()) - after.get(group, set())),
            ("+", after.get(group, set()) - before.get(group, set())),
        )
        for line in sorted(lines)
    ]


def _dependencies(pyproject: str) -> dict[str, set[str]]:
    try:
        declared = tomllib.loads(pyproject)
    except tomllib.TOMLDecodeError:  # it has conflicts
        return {}
    groups = {"dependencies": declared.get("project", {}).get("dependencies", [])}
    groups |= declared.get("dependency-groups", {})
    return {name: {each for each in g if isinstance(each, str)} for name, g in groups.items()}
