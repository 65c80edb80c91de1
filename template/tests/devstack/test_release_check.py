"""The code of the last release has to work on the tables that the next one makes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from devstack import cli
from devstack.api_release import UnknownReleaseError
from devstack.release_check import READER, Breakage, check

PROJECT = Path(__file__).absolute().parents[2]
TEST = "tests/features/items/test_table.py"
TESTS = '''
"""The columns that this release reads."""

from sqlmodel import select

from app.features.items.models import Item


async def test_titles_are_read(session):
    assert (await session.exec(select(Item.title))).all() == []


async def test_times_are_read(session):
    assert (await session.exec(select(Item.created_at))).all() == []
'''
MIGRATION = '''
"""{name}."""

from alembic import op
from sqlalchemy import Column, Integer

from app.core.database.models import SCHEMA

revision = "{name}"
down_revision = "{previous}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.{step}
'''
ADD = 'add_column("items", Column("size", Integer), schema=SCHEMA)'
DROP = 'drop_column("items", "title", schema=SCHEMA)'


def git(project: Path, *arguments: str) -> None:
    author = ("-c", "user.name=Tester", "-c", "user.email=tester@example.com")
    subprocess.run(["git", *author, *arguments], cwd=project, check=True, capture_output=True)


def migrate(project: Path, step: str) -> str:
    """Add a migration of the items; its path."""
    folder = project / "app/features/items/migrations"
    files = sorted(folder.glob("items_*.py"))
    previous = re.findall(r'^revision = "(\w+)"$', files[-1].read_text(), re.MULTILINE)[0]
    name = f"items_{len(files) + 1:04}"
    path = folder / f"{name}_more.py"
    path.write_text(MIGRATION.format(name=name, previous=previous, step=step))
    return path.relative_to(project).as_posix()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with two tests, and the release v1.0.0."""
    ignored = shutil.ignore_patterns("__pycache__", "core", "extensions", "e2e", "features")
    shutil.copytree(PROJECT / "tests", tmp_path / "tests", ignore=ignored)
    for folder in ("app", "devstack"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=ignored)
    for name in ("pytest.ini", "alembic.ini"):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / TEST).parent.mkdir(parents=True)
    (tmp_path / TEST).write_text(TESTS)
    (tmp_path / "tests/test_smoke.py").unlink()
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "release")
    git(tmp_path, "tag", "v1.0.0")
    return tmp_path


@pytest.mark.slow  # each run of pytest starts Postgres and migrates it
def test_a_migration_that_breaks_the_release_is_named_with_the_tests(project: Path) -> None:
    migrate(project, ADD)
    assert check(project) == ("v1.0.0", 1, None)
    breaking = migrate(project, DROP)
    migrate(project, ADD.replace("size", "weight"))
    expected = Breakage(breaking, (f"{TEST}::test_titles_are_read",))
    assert check(project) == ("v1.0.0", 3, expected)


def test_without_a_new_migration_no_test_runs(project: Path) -> None:
    (project / "pytest.ini").write_text("wrong")
    assert check(project) == ("v1.0.0", 0, None)


def test_what_cannot_be_decided_ends_with_2(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "ROOT", project)
    (project / READER).write_text("# of an older template")
    git(project, "commit", "--quiet", "--all", "--message", "older")
    git(project, "tag", "older")
    migrate(project, ADD)
    with pytest.raises(UnknownReleaseError, match="cannot use other migrations"):
        check(project, "older")
    git(project, "tag", "--delete", "v1.0.0", "older")
    result = CliRunner().invoke(cli.cli, ["release-check"])
    assert (result.exit_code, result.output.split(":")[0]) == (2, "No release yet")
