"""A patch of the template from edits in a project: its names become the template's again."""

import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from launcher import git
from launcher.errors import LauncherError
from launcher.fresh import files_of, render, rendered
from launcher.project import recorded
from launcher.template import FILES, Template, cloned

# Answers that are words of a project, in the files that are rendered with them.
_NAMES = (
    *("project_name", "project_slug", "description"),
    *("author_name", "author_email", "github_owner"),
)
_SHORTEST = 3  # a shorter name would be found inside of other words
_GENERATED = "{#- Written by `uv run python -m scripts.options`"
_COMMIT = ("-c", "user.name=Project", "-c", "user.email=project@localhost")


@dataclass
class Contribution:
    """A patch for `git apply` in the template, and what a person has to look at."""

    patch: str = ""
    remarks: list[str] = field(default_factory=list)


def contribute(project: Path, files: list[Path]) -> Contribution:
    """Make a patch of the template from the files of a project, which may be new.

    Raises:
        LauncherError: a file is not in the project or not edited, or the template is not found.
    """
    answers = recorded(project)
    url, ref = str(answers["_src_path"]), str(answers["_commit"])
    paths = [_relative(project, file) for file in files]
    found = Contribution()
    with cloned(url) as template, rendered(url, ref, answers, project.name) as fresh:
        git.read(template.clone, "checkout", "--quiet", "--detach", ref)
        sources = template.sources(ref, answers)
        base = files_of(fresh)
        written = [
            path
            for path in paths
            if _write(template, project, path, sources.get(path), base.get(path), found, answers)
        ]
        git.read(template.clone, "add", "--all")
        found.patch = git.read(template.clone, "diff", "--cached", "--binary", "HEAD")
        if found.patch:
            found.patch += "\n"
            _check(template, project, written, found, answers)
    return found


def _relative(project: Path, file: Path) -> str:
    path = file.expanduser().absolute()
    if not path.is_relative_to(project):
        raise LauncherError(f"{file} is not in the project {project}.")
    return path.relative_to(project).as_posix()


def _write(
    template: Template,
    project: Path,
    path: str,
    source: str | None,
    base: bytes | None,
    found: Contribution,
    answers: Mapping[str, Any],
) -> bool:
    """Write the edit of one file into the template; return whether it is there."""
    file = project / path
    ours = file.read_bytes() if file.is_file() else None
    if ours == base:
        raise LauncherError(f"{path} is not edited, so there is nothing to contribute.")
    target = template.clone / (source if source and base is not None else f"{FILES}{path}")
    if ours is None:
        target.unlink()
        return True
    if target.suffix == ".jinja" and base is not None:
        text = target.read_text("utf-8")
        if text.startswith(_GENERATED):
            found.remarks.append(f"{path} is written from {path} of the template: edit that file.")
            return False
        merged = _merge(text, base.decode("utf-8"), ours.decode("utf-8"), answers)
        if merged is None:
            found.remarks.append(
                f"{path}: the edit touches lines that the template computes. Change "
                f"{target.relative_to(template.clone).as_posix()} by hand."
            )
            return False
        target.write_text(merged, "utf-8")
        return True
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(ours)
    if names := _named(_added((base or b"").decode("utf-8", "replace"), ours), answers):
        found.remarks.append(
            f"{path} is the same in every project, but the edit has a name of this one: "
            f"{', '.join(names)}."
        )
    return True


def _merge(source: str, base: str, ours: str, answers: Mapping[str, Any]) -> str | None:
    """Apply the edit from `base` to `ours` to the Jinja source; None if they overlap."""
    lines = ours.splitlines(keepends=True)
    matcher = SequenceMatcher(None, base.splitlines(keepends=True), lines, autojunk=False)
    edited: list[str] = []
    for kind, _, _, start, end in matcher.get_opcodes():
        part = lines[start:end]
        edited += part if kind == "equal" else [_as_source(line, answers) for line in part]
    with tempfile.TemporaryDirectory(prefix="merge-") as scratch:
        names = {"source": source, "base": base, "edited": "".join(edited)}
        for name, text in names.items():
            (Path(scratch) / name).write_text(text, "utf-8", newline="")
        result = subprocess.run(
            ["git", "merge-file", "--stdout", *names],
            cwd=scratch,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    return result.stdout if result.returncode == 0 else None


def _as_source(line: str, answers: Mapping[str, Any]) -> str:
    """A line of a project as Jinja: names become answers, and braces stay braces."""
    names = {str(answers.get(name, "")): name for name in _NAMES}
    names = {text: name for text, name in names.items() if len(text) >= _SHORTEST}
    longest_first = sorted(map(re.escape, names), key=len, reverse=True)
    pattern = "|".join([r"\{[{%#]", *longest_first])
    return re.sub(
        pattern,
        lambda match: (
            f"{{{{ {names[match[0]]} }}}}" if match[0] in names else f"{{{{ '{match[0]}' }}}}"
        ),
        line,
    )


def _added(base: str, ours: bytes) -> str:
    known = set(base.splitlines())
    return "\n".join(
        line for line in ours.decode("utf-8", "replace").splitlines() if line not in known
    )


def _named(text: str, answers: Mapping[str, Any]) -> list[str]:
    names = {str(answers.get(name, "")) for name in _NAMES}
    return sorted(name for name in names if len(name) >= _SHORTEST and name in text)


def _check(
    template: Template,
    project: Path,
    paths: list[str],
    found: Contribution,
    answers: Mapping[str, Any],
) -> None:
    """Render the changed template with the answers, and compare: it has to give the edit."""
    git.read(template.clone, *_COMMIT, "commit", "--quiet", "--no-verify", "--message", "Edit")
    head = git.read(template.clone, "rev-parse", "HEAD")
    with tempfile.TemporaryDirectory(prefix="check-") as scratch:
        folder = Path(scratch) / project.name
        render(str(template.clone), head, answers, folder)
        for path in paths:
            one, other = folder / path, project / path
            if one.is_file() != other.is_file() or (
                one.is_file() and one.read_bytes() != other.read_bytes()
            ):
                found.remarks.append(f"{path}: the changed template renders another text. Read it.")
