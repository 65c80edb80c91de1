"""Renders and updates projects for the tests, through Copier's public API and without trust."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import copier
from filelock import FileLock

from scripts.matrix import questions

ROOT = Path(__file__).resolve().parent.parent
# Newer than any real tag, so that Copier takes the working tree's commit by itself.
TAG = "v9999.0.0"
FIRST = "v0.1.0"  # stands for a release while there is none: the last commit
Answers = Mapping[str, Any]


def run(command: list[str], folder: Path, **environment: str) -> str:
    """The output of a command that has to succeed; stderr is in the failure's text."""
    result = attempt(command, folder, **environment)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def attempt(
    command: list[str], folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command outside this repository's own environment, and keep what it prints."""
    variables = outside() | environment
    return subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def outside() -> dict[str, str]:
    """The variables of this process, but for those that a project would take for its own."""
    return {
        name: value
        for name, value in os.environ.items()
        # A pytest that is started takes itself for a process of ours otherwise.
        if name != "VIRTUAL_ENV" and not name.startswith("PYTEST_")
    }


def snapshot(folder: Path) -> Path:
    """A clone of this repository whose newest tag is the working tree, uncommitted work included.

    Copier takes tags, so that the work under test has to be committed somewhere; and a project that
    was rendered from a dirty tree records a commit that no later update could find.
    """
    if (ROOT / ".git").exists():
        run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder)], ROOT)
        if not run(["git", "tag"], folder):
            run(["git", "tag", FIRST], folder)
        listed = run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT
        ).split("\0")
    else:  # an archive of the repository: everything in it belongs to it
        run(["git", "init", "--quiet", str(folder)], ROOT)
        listed = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file()]
    for path in folder.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    commit(folder, "The working tree", TAG)
    if not (ROOT / ".git").exists():
        run(["git", "tag", FIRST], folder)
    return folder


def commit(folder: Path, message: str, tag: str | None = None) -> None:
    """Commit everything in a repository, and tag it."""
    run(["git", "add", "--all"], folder)
    run(["git", "commit", "--quiet", "--allow-empty", "--message", message], folder)
    if tag:
        run(["git", "tag", "--force", tag], folder)


def render(template: Path, dest: Path, answers: Answers | None = None, ref: str = TAG) -> Path:
    """Render a version of the template. Never trusted: a task or an extension would fail here.

    Raises:
        AssertionError: an answer belongs to no question; Copier would take it in silence.
    """
    unknown = set(answers or {}) - set(questions())
    assert not unknown, f"no such question: {unknown}"
    copier.run_copy(
        str(template),
        dest,
        data=dict(answers or {}),
        vcs_ref=ref,
        defaults=True,
        quiet=True,
        unsafe=False,
    )
    return dest


def shared_render(template: Path, home: Path, answers: Answers) -> Path:
    """The render of some answers, made once per test run by whichever worker comes first."""
    key = hashlib.sha256(json.dumps(answers, sort_keys=True).encode()).hexdigest()[:16]
    place = home / key / "demo"
    with FileLock(home / f"{key}.lock"):
        if not place.exists():
            made = home / f"{key}.part" / "demo"
            render(template, made, answers)
            made.parent.rename(home / key)
    return place


def constrain(project: Path) -> None:
    """Hold a project to constraints.txt, or to what the variable CONSTRAINTS asks for.

    `none` takes the newest releases, `lowest` the oldest that the project's own bounds allow.
    """
    chosen = os.environ.get("CONSTRAINTS")
    if chosen == "none":
        return
    pins = [
        line.strip()
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    pyproject = project / "pyproject.toml"
    text = pyproject.read_text("utf-8")
    assert text.count("[tool.uv]\n") == 1
    if chosen == "lowest":
        # Else uv takes an alpha of the next major for the oldest.
        setting = 'resolution = "lowest-direct"\nprerelease = "disallow"\n'
    else:
        entries = "".join(f"    {json.dumps(pin)},\n" for pin in pins)
        setting = f"constraint-dependencies = [\n{entries}]\n"
    pyproject.write_text(text.replace("[tool.uv]\n", f"[tool.uv]\n{setting}"), "utf-8")


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a rendered project with its content, without git's own."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }
