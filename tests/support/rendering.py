"""Projects rendered from a snapshot, through Copier's public API and without `--trust`."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import copier
from filelock import FileLock

from scripts.matrix import questions
from support.snapshot import TAG

Render = Callable[..., Path]


def render(
    template: Path, dest: Path, answers: Mapping[str, Any] | None = None, ref: str = TAG
) -> Path:
    """Render a version of the template. Untrusted: a task or a Jinja extension would fail here.

    Raises:
        AssertionError: an answer belongs to no question; a quiet Copier would accept it.
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


def shared_render(template: Path, home: Path, answers: Mapping[str, Any], ref: str = TAG) -> Path:
    """The render of some answers, made once per test run by the first worker that needs it."""
    key = hashlib.sha256(json.dumps(answers, sort_keys=True).encode()).hexdigest()[:16]
    place = home / key / "demo"
    with FileLock(home / f"{key}.lock"):
        if not place.exists():
            made = home / f"{key}.part" / "demo"
            render(template, made, answers, ref)
            made.parent.rename(home / key)
    return place


def tree(folder: Path) -> dict[str, bytes]:
    """Path and content of every file of a project, without the folder `.git`."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }
