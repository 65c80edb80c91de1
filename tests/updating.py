"""Updates for the tests, through Copier's API and without trust; and what they may leave behind."""

from pathlib import Path

import copier
import httpx
import yaml
from harness import FIRST, ROOT, attempt, run
from packaging.version import InvalidVersion, Version
from running import DevStack

CONFIG = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
# Rendered once and the user's from then on.
OWNED = {name.removeprefix("/") for name in CONFIG["_skip_if_exists"]}
MINORS = 5  # how many minor versions back a project may come from; and the last of each major


def supported() -> list[str]:
    """The tags that an update has to lead away from, the newest first."""
    tags = attempt(["git", "tag"], ROOT).stdout.split()
    versions = sorted(filter(None, map(version, tags)), reverse=True)
    minors: dict[tuple[int, int], Version] = {}
    majors: dict[int, Version] = {}
    for each in versions:
        minors.setdefault((each.major, each.minor), each)
        majors.setdefault(each.major, each)
    chosen = {*list(minors.values())[:MINORS], *majors.values()}
    return [f"v{each}" for each in sorted(chosen, reverse=True)] or [FIRST]


def version(tag: str) -> Version | None:
    """The version of a tag, or None for one that is no release."""
    try:
        found = Version(tag)
    except InvalidVersion:
        return None
    return None if found.is_prerelease else found


def update(project: Path, ref: str, **answers: object) -> None:
    """Update to a version, with the answers that change."""
    copier.run_update(
        project,
        data=answers,
        vcs_ref=ref,
        defaults=True,
        overwrite=True,
        quiet=True,
        unsafe=False,
    )


def unfinished(project: Path) -> list[str]:
    """What an update could not merge: Copier's exit code does not tell."""
    marked = attempt(["git", "grep", "--untracked", "-lE", "^(<{7}|>{7}) "], project).stdout
    unmerged = run(["git", "ls-files", "--unmerged"], project)
    return [*marked.splitlines(), *unmerged.splitlines(), *map(str, project.rglob("*.rej"))]


def templates(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files that an update may change: neither the user's nor the sample feature."""
    return {
        name: content
        for name, content in files.items()
        if name not in OWNED and "/features/items/" not in name
    }


def append(path: Path, text: str) -> None:
    """Add text at the end of a file."""
    path.write_text(path.read_text("utf-8") + text, "utf-8")


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that has to be there, the first time that it stands there."""
    text = path.read_text("utf-8")
    assert old in text, f"{path} does not hold {old!r}"
    path.write_text(text.replace(old, new, 1), "utf-8")


def tables(project: Path) -> dict[str, int]:
    """Every table of the running database, with its number of rows; Alembic's own apart."""
    code = """
import pathlib, psycopg
lines = pathlib.Path(".dev/env").read_text().splitlines()
url = dict(line.split("=", 1) for line in lines if not line.startswith("#"))["DATABASE_URL"]
with psycopg.connect(url) as connection:
    names = connection.execute("select tablename from pg_tables where schemaname = 'app'")
    for (name,) in sorted(names.fetchall()):
        print(name, connection.execute(f'select count(*) from app."{name}"').fetchone()[0])
"""
    output = run(["uv", "run", "--quiet", "python", "-c", code], project)
    found = {name: int(count) for name, count in map(str.split, output.splitlines())}
    return {name: count for name, count in found.items() if not name.startswith("alembic_")}


def demo_user(stack: DevStack) -> httpx.Client:
    """A client of the API that is signed in as the demo user."""
    token = run(["uv", "run", "--quiet", "app", "token", "--quiet"], stack.project).strip()
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{stack.url}/api/v1", headers=headers, timeout=30)


def add(stack: DevStack, path: str) -> None:
    """Add an entry of a feature that was made from the blueprint, as the demo user."""
    with demo_user(stack) as client:
        made = client.post(f"/{path}", json={"title": "Kept"})
    assert made.status_code == httpx.codes.CREATED, made.text
