"""A fresh render of the version and the answers that a project records."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import copier
import yaml

from launcher.project import ANSWERS
from launcher.rendering import copier_errors
from launcher.template import Template

# Folders that the team owns from the first render on, besides the files in `_skip_if_exists`.
TEAM_FOLDERS = ("app/features/", "tests/features/")


@contextmanager
def rendered(url: str, ref: str, answers: Mapping[str, Any], name: str) -> Iterator[Path]:
    """A temporary render, in a folder with the name of the project.

    Raises:
        LauncherError: the template cannot be fetched, or refuses the answers.
    """
    with tempfile.TemporaryDirectory(prefix="fresh-") as scratch:
        folder = Path(scratch) / (name or "project")
        render(url, ref, answers, folder)
        yield folder


def render(url: str, ref: str, answers: Mapping[str, Any], folder: Path) -> None:
    """Render into a new folder.

    Raises:
        LauncherError: see `rendered`.
    """
    data = {key: value for key, value in answers.items() if not key.startswith("_")}
    with copier_errors():
        copier.run_copy(
            url, folder, data=data, vcs_ref=ref, defaults=True, quiet=True, unsafe=False
        )


def files_of(folder: Path) -> dict[str, bytes]:
    """The content of each file of a render, by its path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def template_owned(files: Mapping[str, bytes], template: Template, ref: str) -> dict[str, bytes]:
    """The files that an update may change: neither the team's nor the answers file."""
    config = yaml.safe_load(template.file(ref, "copier.yml")) or {}
    kept = {ANSWERS, *(name.removeprefix("/") for name in config.get("_skip_if_exists", []))}
    return {
        path: content
        for path, content in files.items()
        if path not in kept and not path.startswith(TEAM_FOLDERS)
    }
