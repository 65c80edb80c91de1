"""Write the answers file of a project that has lost it, by comparing the project with versions."""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from launcher import git
from launcher.drift import Edit, edits
from launcher.errors import LauncherError
from launcher.fresh import files_of, rendered, template_owned
from launcher.project import ANSWERS
from launcher.source import find_source
from launcher.template import Template, cloned

_COMMITS = 500  # compared if the template has no tag

# Otherwise the defaults of this machine would count.
_EMPTY = dict.fromkeys(("author_name", "author_email", "github_owner"), "")


@dataclass(frozen=True)
class Adoption:
    """The version that was found, and how the project differs from it."""

    version: str
    files: int
    edits: list[Edit]
    committed: bool


def adopt(project: Path, vcs_ref: str | None) -> Adoption:
    """Find version and answers of a project, and write its answers file.

    A folder outside of Git becomes a repository whose first commit holds the project as it is.

    Raises:
        LauncherError: this is no project of the template, or the template cannot be fetched.
    """
    if not (project / "pyproject.toml").is_file() or not (project / "app/core").is_dir():
        raise LauncherError(
            f"{project} has no pyproject.toml and app/core, so it is no project of this template."
        )
    known = _known(project)
    url = str(known.get("_src_path") or find_source(None).url)
    with cloned(url) as template:
        version = vcs_ref or _closest(project, template, str(known.get("_commit")))
        asked = template.questions(version)
        found = {
            **_EMPTY,
            **known,
            **_read_texts(project),
            **_read_options(project, template, version),
        }
        answers = {name: found[name] for name in asked if found.get(name) is not None}
        with rendered(url, version, answers, project.name) as fresh:
            files = files_of(fresh)
            owned = template_owned(files, template, version)
            committed = _commit_without_history(project)
            (project / ANSWERS).write_bytes(files[ANSWERS])
    recorded = str(yaml.safe_load(files[ANSWERS])["_commit"])
    return Adoption(recorded, len(owned), edits(project, owned), committed)


def _known(project: Path) -> dict[str, Any]:
    """The answers of the file, and below them those of the last commit that changed it."""
    texts = []
    if (project / ANSWERS).is_file():
        texts.append((project / ANSWERS).read_text("utf-8", "replace"))
    commits = git.read(project, "log", "--format=%H", "--", ANSWERS, check=False).splitlines()
    texts += [git.read(project, "show", f"{each}:./{ANSWERS}", check=False) for each in commits]
    known: dict[str, Any] = {}
    for text in texts:
        try:
            answers = yaml.safe_load(text)
        except yaml.YAMLError:
            continue
        if isinstance(answers, dict):
            known = answers | known
    return known


def _closest(project: Path, template: Template, recorded: str) -> str:
    """The tag, or without tags the commit, that is most similar to the project.

    Only the hashes of files without Jinja are compared, so nothing has to be rendered. If two
    versions are as similar, `recorded` counts, and then the newer one.

    Raises:
        LauncherError: no version has a file of the project.
    """
    clone = template.clone
    refs = git.read(clone, "tag", "--sort=-version:refname").splitlines()
    refs = refs or git.read(clone, "log", f"--max-count={_COMMITS}", "--format=%H").splitlines()
    if git.read(clone, "rev-parse", "--verify", "--quiet", f"{recorded}^{{commit}}", check=False):
        refs.insert(0, recorded)
    hashes: dict[str, str] = {}

    def hash_of(path: str) -> str:
        if path not in hashes:
            file = project / path
            hashes[path] = _hash(file.read_bytes()) if file.is_file() else ""
        return hashes[path]

    best, most = "", 0
    for ref in refs:
        listed = git.read(clone, "ls-tree", "-r", "-z", ref, "--", "template/").split("\0")
        equal = points = 0
        for entry in listed:
            head, _, source = entry.partition("\t")
            path = source.removeprefix("template/").removesuffix(".jinja")
            if not path or "{" in path:
                continue
            if not hash_of(path):
                points -= 1
            elif not source.endswith(".jinja") and hash_of(path) == head.split()[2]:
                equal, points = equal + 1, points + 1
        if equal and (not best or points > most):
            best, most = ref, points
    if not best:
        raise LauncherError("No version of the template has a file that is in this project.")
    return best


def _hash(content: bytes) -> str:
    """The name that Git gives to a file with this content."""
    head = f"blob {len(content)}\0".encode()
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()


def _read_options(project: Path, template: Template, ref: str) -> dict[str, bool]:
    """An option is on if the folder of its first extension exists."""
    declared = yaml.safe_load(template.file(ref, "options.yml")) or {}
    return {
        name: (project / "app/extensions" / option["extensions"][0]).is_dir()
        for name, option in declared.items()
        if option.get("extensions")
    }


def _read_texts(project: Path) -> dict[str, Any]:
    """The answers that files of the project show; without those that are not found."""
    declared = tomllib.loads((project / "pyproject.toml").read_text("utf-8")).get("project", {})
    found: Mapping[str, Any] = {
        "project_slug": declared.get("name"),
        "description": declared.get("description"),
        "license": declared.get("license"),
        "project_name": _match(project / ".env.example", r'^PROJECT_NAME=(".*")$'),
        "python_version": _match(project / ".github/workflows/ci.yml", r"UV_PYTHON: \"(3\.\d+)\""),
        "github_owner": _match(project / ".github/CODEOWNERS", r"^\* @(\S+)"),
    }
    texts = {name: value for name, value in found.items() if isinstance(value, str)}
    if "project_name" in texts:
        texts["project_name"] = json.loads(texts["project_name"])
    if "license" in texts:
        texts["license"] = texts["license"].removeprefix("LicenseRef-")
    for author in declared.get("authors", [])[:1]:
        texts |= {f"author_{key}": author[key] for key in ("name", "email") if key in author}
    return texts


def _match(file: Path, pattern: str) -> str | None:
    if not file.is_file():
        return None
    found = re.search(pattern, file.read_text("utf-8", "replace"), re.MULTILINE)
    return found[1] if found else None


def _commit_without_history(project: Path) -> bool:
    if git.read(project, "rev-parse", "--verify", "--quiet", "HEAD", check=False):
        return False
    if not git.read(project, "rev-parse", "--show-toplevel", check=False):
        git.read(project, "init", "--quiet", "--initial-branch", "main")
    git.read(project, "add", "--all", "--", ".")
    identity: tuple[str, ...] = ()
    if not git.has_identity(project):
        identity = ("-c", "user.name=Project", "-c", "user.email=project@localhost")
    git.read(
        project,
        *identity,
        *("-c", "commit.gpgSign=false"),
        *("commit", "--quiet", "--no-verify", "--message", "The project before its adoption"),
    )
    return True
