"""`app release-check`: whether the code of the last release works on the tables of this one.

A deployment migrates the database while the last release still runs. So the quick tests of that
release run in a folder of their own, with a database that the migrations of this code have made.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from devstack.api_release import UnknownReleaseError, extract, last_tag
from devstack.errors import DevStackError

# Set for the tests of the release, which read it in this module.
OPTION = "PYTEST_MIGRATIONS_OF"
READER = "tests/support/databases.py"
# Variables that programs and embedded services need.
KEPT = {
    *("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("DEV_POSTGRES_BIN", "DEV_REDIS_BIN"),
}
FAILURES = 1  # exit code of pytest
# Oldest first; a migration comes after those that it depends on.
LIST = """
from app.core.migrations.commands import scripts
from app.core.migrations.graph import branch_by_revision
found = scripts()
print(*(found.get_revision(each).path for each in branch_by_revision(found)), sep="\\n")
"""


@dataclass(frozen=True)
class Breakage:
    """The first migration with which tests of the release fail, and these tests."""

    migration: str
    tests: tuple[str, ...]


def check(root: Path, release: str | None = None) -> tuple[str, int, Breakage | None]:
    """The release (default: the last tag), the number of migrations since then, what they break.

    Raises:
        UnknownReleaseError: there is nothing to compare with, or its tests fail on its own tables.
        DevStackError: the migrations cannot be read or applied.
    """
    release = release or last_tag(root)
    with TemporaryDirectory() as temporary:
        old, new = Path(temporary, "old"), Path(temporary, "new")
        extract(root, release, old)
        added = [path for path in _migrations(root) if not (old / path).exists()]
        if not added:
            return release, 0, None
        reader = old / READER
        if not reader.exists() or OPTION not in reader.read_text("utf-8"):
            message = f"The tests of {release} cannot use other migrations: the next release can."
            raise UnknownReleaseError(message)
        new.mkdir()
        shutil.copytree(root / "app", new / "app", ignore=shutil.ignore_patterns("__pycache__"))
        failed = _failed_tests(old, new)
        if failed is None:
            return release, len(added), None
        migration = _first_that_breaks(old, new, added)
        if migration is None:
            message = f"The tests of {release} fail with the packages of today: {failed[0]}"
            raise UnknownReleaseError(message)
        return release, len(added), Breakage(migration.as_posix(), failed)


def _first_that_breaks(old: Path, new: Path, added: Sequence[Path]) -> Path | None:
    """Return the first migration with which the failed tests fail; None if they always do.

    All migrations together break them, so each step halves the number of those in question.
    """
    kept = {path: (new / path).read_bytes() for path in added}
    works, breaks = -1, len(added)
    while breaks - works > 1:
        count = (works + breaks) // 2
        for number, path in enumerate(added):
            (new / path).unlink(missing_ok=True)
            if number < count:
                (new / path).write_bytes(kept[path])
        if _failed_tests(old, new, "--last-failed") is None:
            works = count
        else:
            breaks = count
    return added[works] if works >= 0 else None


def _failed_tests(old: Path, new: Path, *options: str) -> tuple[str, ...] | None:
    """Run the quick tests of the old code, on tables of the new one; None if they pass."""
    record = old / ".pytest_cache/v/cache/lastfailed"
    arguments = ("-m", "pytest", "-q", "--tb=short", "-o", "cache_dir=.pytest_cache", *options)
    before = record.read_bytes() if record.exists() else b""
    done = _python(old, *arguments, **{OPTION: str(new)})
    if not done.returncode:
        # What has passed would not be selected any more.
        if before:
            record.write_bytes(before)
        return None
    if done.returncode != FAILURES or not record.exists():
        raise DevStackError(f"The tests of the release do not run:\n{_end(done)}")
    return tuple(json.loads(record.read_text("utf-8")))


def _migrations(root: Path) -> list[Path]:
    done = _python(root, "-c", LIST)
    if done.returncode:
        raise DevStackError(_end(done))
    paths = (Path(line) for line in done.stdout.splitlines())
    return [path.resolve().relative_to(root.resolve()) for path in paths]


def _python(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with no setting of this machine."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=kept | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def _end(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
