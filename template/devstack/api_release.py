"""`app api-diff`: what breaks clients of the API since the last release.

A release is a git tag such as v1.4.0. Its code is read with the packages that are installed now, so
that nothing is downloaded.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from devstack.api_diff import breaking_changes
from devstack.errors import DevStackError


class UnknownReleaseError(DevStackError):
    """There is nothing to compare with."""


def changes_since(root: Path, release: str | None) -> tuple[str, list[str]]:
    """The release (default: the last tag), and the changes since then that break clients.

    Raises:
        UnknownReleaseError: no tag, or no commit of this name, or its code cannot be read.
        DevStackError: the code in `root` cannot be read.
    """
    release = release or last_tag(root)
    with tempfile.TemporaryDirectory() as folder:
        extract(root, release, Path(folder), "app")
        try:
            old = _document(Path(folder))
        except DevStackError as error:
            message = f"The code of {release} does not start with the packages of today: {error}"
            raise UnknownReleaseError(message) from None
        # Not in `root`, where .env may hold settings that change the document, such as FEATURES.
        shutil.rmtree(Path(folder, "app"))
        shutil.copytree(root / "app", Path(folder, "app"))
        return release, breaking_changes(old, _document(Path(folder)))


def allows_breaking(root: Path, release: str) -> bool:
    """Whether the version in pyproject.toml announces a release that may break clients.

    It does if the first number that is not zero has changed since the release: https://semver.org.

    Raises:
        UnknownReleaseError: the release has no pyproject.toml with a version.
        DevStackError: the same of the code in `root`.
    """
    try:
        before = _version(_git(root, "show", f"{release}:pyproject.toml").decode())
    except (UnknownReleaseError, ValueError):
        message = f"The version of {release} is unknown: its pyproject.toml names none."
        raise UnknownReleaseError(message) from None
    try:
        now = _version((root / "pyproject.toml").read_text("utf-8"))
    except (OSError, ValueError):
        raise DevStackError("pyproject.toml names no version: write it below [project].") from None
    return _compatible_range(before) != _compatible_range(now)


def _compatible_range(version: str) -> tuple[str, ...]:
    numbers = version.split(".")
    first = next((place for place, number in enumerate(numbers) if number != "0"), len(numbers))
    return tuple(numbers[: first + 1])


def _version(pyproject: str) -> str:
    version = tomllib.loads(pyproject).get("project", {}).get("version")
    if not isinstance(version, str):
        raise ValueError("no version")
    return version


def extract(root: Path, release: str, folder: Path, *paths: str) -> None:
    """Write the files of a release to a folder.

    Raises:
        UnknownReleaseError: no commit of this name.
    """
    packed = _git(root, "archive", release, *paths)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")


def last_tag(root: Path) -> str:
    """Return the last tag.

    Raises:
        UnknownReleaseError: there is none.
    """
    try:
        return _git(root, "describe", "--tags", "--abbrev=0").decode().strip()
    except UnknownReleaseError:
        message = "No release yet: the first tag, such as v0.1.0, begins the comparison."
        raise UnknownReleaseError(message) from None


def _git(root: Path, *arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    if done.returncode:
        raise UnknownReleaseError(done.stderr.decode(errors="replace").strip())
    return done.stdout


def _document(folder: Path) -> dict[str, Any]:
    """The OpenAPI document of the code in a folder, with no setting of this machine."""
    settings = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = [sys.executable, "-m", "app", "openapi"]
    done = subprocess.run(
        command, cwd=folder, env=settings, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DevStackError((done.stderr.strip() or "app openapi failed").splitlines()[-1])
    document: dict[str, Any] = json.loads(done.stdout)
    return document
