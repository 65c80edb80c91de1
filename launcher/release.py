"""`release VERSION`: checks, the changelog, the tag, and archives of example projects."""

import gzip
import io
import os
import re
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from plumbum import local
from rich.console import Console

from launcher import git
from launcher.errors import LauncherError, run
from launcher.fresh import render
from launcher.public import last_release, public, removed, unmigrated

EXAMPLES = ("minimal", "standard", "everything")
_HEADING = "## [Unreleased]\n"
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_RETIRED = "template/app/core/settings/retired.toml.jinja"
_CHECKOUT = Path(__file__).resolve().parent.parent

console = Console(stderr=True, highlight=False)


def release(
    version: Annotated[str, typer.Argument(help="The new version, such as 1.2.0.")],
    skip_tests: Annotated[
        bool, typer.Option("--skip-tests", help="The tests have passed for this commit already.")
    ] = False,
) -> None:
    """Check the template, cut the changelog, commit, tag, and write the examples to dist/."""
    repository = _CHECKOUT
    git.require_git()
    notes = check(repository, version)
    _done("the repository, the version and the changelog are in order")
    if not skip_tests:
        if subprocess.run(["uv", "run", "pytest"], cwd=repository, check=False).returncode != 0:
            raise LauncherError("The tests failed, so nothing was released.")
        _done("the tests passed")
    head = git.read(repository, "rev-parse", "HEAD")
    tag = f"v{version}"
    try:
        cut(repository, version, notes, datetime.now(UTC).date().isoformat())
        _done(f"{tag} is committed and tagged")
        written = write_examples(repository, tag, repository / "dist" / tag)
    except BaseException:
        git.read(repository, "tag", "--delete", tag, check=False)
        git.read(repository, "reset", "--quiet", "--hard", head)
        raise
    _done(f"{len(written)} examples in {(repository / 'dist' / tag).relative_to(repository)}/")
    files = " ".join(str(file.relative_to(repository)) for file in written)
    print(
        f"Nothing was published. Next:\n\n  git push origin main {tag}\n"
        f"  gh release create {tag} --notes-from-tag {files}"
    )


def check(repository: Path, version: str) -> str:
    """Check everything that a release requires, and return its notes.

    Raises:
        LauncherError: something is missing; the message says what.
    """
    if not (repository / "copier.yml").is_file():
        raise LauncherError("Run it in a checkout of the template: uv run release VERSION.")
    if not _VERSION.fullmatch(version):
        raise LauncherError(f"{version} is not a version such as 1.2.0.")
    if git.read(repository, "status", "--porcelain"):
        raise LauncherError("The checkout has uncommitted changes. Commit or stash them.")
    branch = git.read(repository, "branch", "--show-current")
    if branch != "main":
        raise LauncherError(f"Releases are made on main, and this is {branch or 'no branch'}.")
    if git.read(repository, "tag", "--list", f"v{version}"):
        raise LauncherError(f"v{version} exists, and a tag must not move: updates read it.")
    if last := last_release(repository):
        _check_order(repository, last, version)
    retired = tomllib.loads((repository / _RETIRED).read_text("utf-8"))
    if later := [name for name, each in retired.items() if _parts(each["since"]) > _parts(version)]:
        raise LauncherError(f"{_RETIRED} names a later version for {', '.join(later)}.")
    notes = unreleased((repository / "CHANGELOG.md").read_text("utf-8"))
    if not notes:
        raise LauncherError("CHANGELOG.md has no entry under Unreleased.")
    return notes


def _check_order(repository: Path, last: str, version: str) -> None:
    """Check that a version is above the last one, by as much as the changes require."""
    old, new = _parts(last.removeprefix("v")), _parts(version)
    if new <= old:
        raise LauncherError(f"{version} is not above {last}.")
    if missing := unmigrated(repository, last):
        raise LauncherError(
            f"These names of {last} are gone, and no script in migrations/ names them: "
            f"{', '.join(missing)}."
        )
    before, now = public(repository, last), public(repository)
    if removed(before, now) and new[0] == old[0]:
        raise LauncherError(f"Names of {last} are gone, so this is {old[0] + 1}.0.0.")
    if before != now and new[:2] == old[:2]:
        raise LauncherError(f"There are new files or answers, so this is {old[0]}.{old[1] + 1}.0.")


def unreleased(changelog: str) -> str:
    """The text below the heading Unreleased."""
    _, _, rest = changelog.partition(_HEADING)
    return re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0].strip()


def cut(repository: Path, version: str, notes: str, date: str) -> None:
    """Give the unreleased entries a version, commit, and tag with them as the message."""
    changelog = repository / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    changelog.write_text(
        text.replace(_HEADING, f"{_HEADING}\n## [{version}] - {date}\n", 1), "utf-8"
    )
    pyproject = repository / "pyproject.toml"
    text = pyproject.read_text("utf-8")
    pyproject.write_text(
        re.sub(r'^version = ".*"$', f'version = "{version}"', text, count=1, flags=re.MULTILINE),
        "utf-8",
    )
    git.read(repository, "commit", "--quiet", "--all", "--message", f"Release {version}")
    # Verbatim: headings start with the sign of a comment.
    message = ("--cleanup=verbatim", "--message", f"{version}\n\n{notes}\n")
    git.read(repository, "tag", "--annotate", f"v{version}", *message)


def write_examples(repository: Path, tag: str, folder: Path) -> list[Path]:
    """Render a project of each preset, and write it as an archive, always with the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with _published(repository) as url:
        for preset in EXAMPLES:
            with tempfile.TemporaryDirectory(prefix="example-") as scratch:
                project = Path(scratch) / "demo"
                render(url, tag, {"preset": preset}, project)
                written.append(folder / f"{preset}-{tag}.tar.gz")
                written[-1].write_bytes(_archive(project))
    return written


@contextmanager
def _published(repository: Path) -> Iterator[str]:
    """The address that the examples name as their template, while git reads this repository.

    The tag is not published yet. The settings of the person who makes the release do not count.
    """
    url = git.read(repository, "remote", "get-url", "origin", check=False)
    with tempfile.TemporaryDirectory(prefix="settings-") as scratch:
        (Path(scratch) / "copier.yml").write_text("{}\n")
        changes = {
            "COPIER_SETTINGS_PATH": f"{scratch}/copier.yml",
            "COPIER_CACHE_DIR": f"{scratch}/mirrors",
        }
        if url:
            changes |= {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": f"url.{repository}.insteadOf",
                "GIT_CONFIG_VALUE_0": url,
            }
        before = {name: os.environ.get(name) for name in changes}
        os.environ.update(changes)
        try:
            # Copier runs git by plumbum, which has a copy of the environment.
            with local.env(**changes):
                yield url or str(repository)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name)
                else:
                    os.environ[name] = value


def _archive(project: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(project.rglob("*")):
            if path.is_file():
                entry = tarfile.TarInfo(f"demo/{path.relative_to(project).as_posix()}")
                entry.size = path.stat().st_size
                entry.mode = 0o755 if os.access(path, os.X_OK) else 0o644
                with path.open("rb") as content:
                    archive.addfile(entry, content)
    return gzip.compress(buffer.getvalue(), mtime=0)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _done(text: str) -> None:
    console.print(f"[green]✓[/] {text}", soft_wrap=True)


def main() -> None:
    """Entry point of the command `release`."""
    run(release)
