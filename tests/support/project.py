"""Rendered projects that are installed: their environment, versions and types."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from scripts.matrix import questions
from support.commands import run
from support.snapshot import ROOT, commit


def pythons() -> tuple[str, str]:
    """The oldest Python version that projects support, and the newest that is installed here."""
    listed = run(["uv", "python", "list", "--only-installed", "--output-format", "json"], ROOT)
    found = {
        (each["version_parts"]["major"], each["version_parts"]["minor"])
        for each in json.loads(listed)
        if each["implementation"] == "cpython" and each["variant"] == "default"
    }
    choices = [str(choice) for choice in questions()["python_version"]["choices"]]
    usable = [choice for choice in choices if tuple(map(int, choice.split("."))) in found]
    return choices[0], (usable or choices)[-1]


def install(rendered: Path, folder: Path, python: str | None = None) -> Path:
    """A committed copy of a render, installed with the tested versions in its own environment."""
    shutil.copytree(rendered, folder)
    constrain(folder)
    if python:
        (folder / ".python-version").write_text(f"{python}\n")
    run(["uv", "sync", "--quiet"], folder)
    run(["git", "init", "--quiet"], folder)
    commit(folder, "Start from the template")
    return folder


def constrain(project: Path) -> None:
    """Pin a project to constraints.txt, or to the versions that the variable CONSTRAINTS names.

    `none` resolves to the newest releases, `lowest` to the oldest that the project's bounds allow.
    """
    pyproject = project / "pyproject.toml"
    text = pyproject.read_text("utf-8")
    assert text.count("[tool.uv]\n") == 1
    pyproject.write_text(text.replace("[tool.uv]\n", f"[tool.uv]\n{constraints()}"), "utf-8")


def constraints() -> str:
    """The settings of uv that pin a project, see `constrain`; empty if it is not pinned."""
    chosen = os.environ.get("CONSTRAINTS")
    if chosen == "none":
        return ""
    if chosen == "lowest":
        # Without `prerelease`, uv counts an alpha of the next major version as the oldest release.
        return 'resolution = "lowest-direct"\nprerelease = "disallow"\n'
    pins = [
        line.strip()
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    entries = "".join(f"    {json.dumps(pin)},\n" for pin in pins)
    return f"constraint-dependencies = [\n{entries}]\n"


@contextmanager
def temporary_changes(project: Path) -> Iterator[Path]:
    """An installed project that a test may change; at the end it is reset to its commit.

    Cheaper than a copy, whose new environment would compile every package again.
    """
    start = run(["git", "rev-parse", "HEAD"], project).strip()
    try:
        yield project
    finally:
        run(["git", "reset", "--quiet", "--hard", start], project)
        run(["git", "clean", "--quiet", "-ffdx", "--exclude", ".venv"], project)
        run(["uv", "sync", "--quiet"], project)


def check_types(project: Path, shared: Path) -> None:
    """Run mypy in strict mode on an installed project.

    mypy identifies a file by its content, so all projects share one cache.
    """
    with FileLock(shared / "mypy.lock"):
        cache = str(shared / "mypy")
        run(["uv", "run", "--quiet", "mypy", "--strict"], project, MYPY_CACHE_DIR=cache)
