"""A clone of the template, to read what its versions hold."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, TemplateError

from launcher import git
from launcher.errors import LauncherError

FILES = "template/"
_SUFFIX = ".jinja"


@dataclass(frozen=True)
class Template:
    """A clone without a working tree."""

    clone: Path

    def file(self, ref: str, path: str) -> str:
        """The text of a file at a version; empty if it has none."""
        return git.read(self.clone, "show", f"{ref}:{path}", check=False)

    def questions(self, ref: str) -> dict[str, dict[str, Any]]:
        """The questions of a version, without computed ones."""
        config = yaml.safe_load(self.file(ref, "copier.yml")) or {}
        return {
            name: question
            for name, question in config.items()
            if not name.startswith("_") and question.get("when") is not False
        }

    def sources(self, ref: str, answers: Mapping[str, Any]) -> dict[str, str]:
        """Map the path of a file in a project to its path in the template, at a version.

        Files that are left out by `_exclude` are in it as well.
        """
        listed = git.read(self.clone, "ls-tree", "-r", "--name-only", "-z", ref, "--", FILES)
        found = {}
        for source in filter(None, listed.split("\0")):
            path = _rendered_path(source.removeprefix(FILES), answers)
            if path:
                found[path] = source
        return found


def _rendered_path(source: str, answers: Mapping[str, Any]) -> str:
    """The path in a project, or an empty text if a folder's condition is false."""
    parts = []
    for part in source.removesuffix(_SUFFIX).split("/"):
        try:
            name = Environment(autoescape=False).from_string(part).render(answers)  # noqa: S701
        except TemplateError:
            name = ""
        if not name:
            return ""
        parts.append(name)
    return "/".join(parts)


def address_of(url: str) -> str:
    """The address for git of a template as the answers file names it."""
    address = url.removeprefix("git+")
    for prefix, host in (("gh:", "https://github.com/"), ("gl:", "https://gitlab.com/")):
        if address.startswith(prefix):
            address = host + address.removeprefix(prefix)
    return address


@contextmanager
def cloned(url: str) -> Iterator[Template]:
    """A temporary clone of a template. `url` is written as in the answers file.

    Raises:
        LauncherError: the template could not be fetched.
    """
    address = address_of(url)
    with tempfile.TemporaryDirectory(prefix="template-") as scratch:
        clone = Path(scratch) / "template"
        result = subprocess.run(
            ["git", "clone", "--quiet", "--no-checkout", "--", address, str(clone)],
            capture_output=True,
            check=False,
        )
        if result.returncode != 0:
            raise LauncherError(f"The template at {address} could not be fetched.")
        yield Template(clone)
