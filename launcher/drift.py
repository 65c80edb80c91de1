"""Which files of the template a project has edited or deleted, against a fresh render."""

import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from launcher.fresh import files_of, rendered, template_owned
from launcher.homes import home_of
from launcher.project import recorded
from launcher.template import cloned


@dataclass(frozen=True)
class Edit:
    """An edited or deleted file: its diff from the render to the project, and a better place."""

    path: str
    deleted: bool
    diff: str
    instead: str


def drift(project: Path) -> list[Edit]:
    """The edits of files that belong to the template, sorted by path.

    Raises:
        LauncherError: the answers file or the template cannot be read.
    """
    answers = recorded(project)
    url, ref = str(answers["_src_path"]), str(answers["_commit"])
    with cloned(url) as template, rendered(url, ref, answers, project.name) as fresh:
        owned = template_owned(files_of(fresh), template, ref)
    return edits(project, owned)


def edits(project: Path, owned: Mapping[str, bytes]) -> list[Edit]:
    """The edits of these files in a project."""
    found = []
    for path, content in owned.items():
        file = project / path
        ours = file.read_bytes() if file.is_file() else None
        if ours is None or not _same(path, content, ours):
            found.append(Edit(path, ours is None, diff(path, content, ours or b""), home_of(path)))
    return found


def diff(path: str, old: bytes, new: bytes) -> str:
    """A unified diff that `git apply` accepts; a sentence if a file is not text."""
    try:
        before, after = old.decode("utf-8"), new.decode("utf-8")
    except UnicodeDecodeError:
        return f"{path} is not text.\n"
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"a/{path}",
        f"b/{path}" if new else "/dev/null",
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _same(path: str, fresh: bytes, ours: bytes) -> bool:
    fresh, ours = (content.replace(b"\r\n", b"\n") for content in (fresh, ours))
    if fresh == ours:
        return True
    return path == "pyproject.toml" and _without_own_parts(fresh) == _without_own_parts(ours)


def _without_own_parts(pyproject: bytes) -> Any:
    """What pyproject.toml declares, without the parts that belong to the team."""
    try:
        declared = tomllib.loads(pyproject.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return pyproject
    for name in ("dependencies", "version"):
        declared.get("project", {}).pop(name, None)
    declared.get("dependency-groups", {}).pop("dev", None)
    return declared


def as_json(found: list[Edit]) -> str:
    """The edits as a list of objects."""
    return json.dumps([asdict(edit) for edit in found], indent=2, ensure_ascii=False)


def as_text(found: list[Edit]) -> str:
    """Each edit with its diff and its better place."""
    if not found:
        return "No file of the template was edited."
    lines = []
    for edit in found:
        lines += [f"{edit.path}: {'deleted' if edit.deleted else 'edited'}"]
        lines += [f"  Could live in: {edit.instead}."]
        if not edit.deleted:
            lines += [f"    {line}" for line in edit.diff.splitlines()]
        lines += [""]
    count = f"{len(found)} file{'s' * (len(found) > 1)}"
    return "\n".join([*lines, f"{count} of the template edited or deleted."])
