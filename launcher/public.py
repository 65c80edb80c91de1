"""What projects rely on: the paths that are rendered, and the questions with their choices."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from launcher import git
from launcher.fresh import TEAM_FOLDERS
from launcher.template import FILES

_CONDITION = re.compile(r"\{%.*?%\}")
_MIGRATIONS = "migrations"


@dataclass(frozen=True)
class Public:
    """Paths as in a project, and names such as `license` or `license=MIT`."""

    paths: frozenset[str]
    answers: frozenset[str]


def public(repository: Path, ref: str | None = None) -> Public:
    """The public names of a version, or of the working tree."""
    if ref is None:
        listed = git.read(repository, "ls-files", "-z", "--", FILES).split("\0")
        listed = [path for path in listed if path and (repository / path).is_file()]
        config = (repository / "copier.yml").read_text("utf-8")
    else:
        tree = ("ls-tree", "-r", "-z", "--name-only", ref, "--", FILES)
        listed = git.read(repository, *tree).split("\0")
        config = git.read(repository, "show", f"{ref}:copier.yml")
    paths = {
        _CONDITION.sub("", path.removeprefix(FILES)).removesuffix(".jinja")
        for path in listed
        if path
    }
    return Public(
        frozenset(path for path in paths if not path.startswith(TEAM_FOLDERS)),
        frozenset(_answers(yaml.safe_load(config))),
    )


def removed(old: Public, new: Public) -> list[str]:
    """The names of the older version that the newer one does not have."""
    return sorted(old.paths - new.paths) + sorted(old.answers - new.answers)


def unmigrated(repository: Path, ref: str) -> list[str]:
    """The names that were removed since a version and that no script in `migrations/` names.

    A script counts if `_migrations` of copier.yml runs it and if it has changed since.
    """
    config = yaml.safe_load((repository / "copier.yml").read_text("utf-8"))
    commands = str(config.get("_migrations", ""))
    older = set(git.read(repository, "ls-tree", "--name-only", ref, f"{_MIGRATIONS}/").splitlines())
    scripts = [
        script.read_text("utf-8")
        for script in sorted((repository / _MIGRATIONS).glob("*.py"))
        if script.name in commands
        and (
            f"{_MIGRATIONS}/{script.name}" not in older
            or git.read(repository, "diff", "--name-only", ref, "--", str(script))
        )
    ]
    found = removed(public(repository, ref), public(repository))
    return [name for name in found if not any(_names(script, name) for script in scripts)]


def last_release(repository: Path) -> str | None:
    """The tag of the newest release that is not a pre-release."""
    tags = git.read(repository, "tag", "--list", "v*", "--sort=-version:refname").splitlines()
    return next((tag for tag in tags if re.fullmatch(r"v\d+\.\d+\.\d+", tag)), None)


def _names(script: str, name: str) -> bool:
    return f'"{name}"' in script or f"'{name}'" in script


def _answers(config: dict[str, Any]) -> set[str]:
    names = set()
    for name, question in config.items():
        if name.startswith("_") or question.get("when") is False:
            continue
        names |= {name, f"{name}: {question.get('type')}"}
        choices = question.get("choices") or []
        values = choices.values() if isinstance(choices, dict) else choices
        names |= {f"{name}={value}" for value in values}
    return names
