"""Updates from every supported release to the working tree, and to a version with a migration."""

from pathlib import Path

import pytest
import yaml

from scripts.matrix import questions
from support import updates
from support.commands import run
from support.editing import append, edit
from support.project import install
from support.rendering import render, tree
from support.snapshot import FIRST_TAG, TAG, commit
from support.stack import SAMPLE_ITEMS, create_entry, dev_stack, table_rows
from support.updates import conflicts, template_files, update

NEWER = "v9999.1.0"
APP = ("uv", "run", "--quiet", "app")


def test_supported_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    tags = "v0.1.0 v0.9.3 v1.0.0 v1.0.4 v1.1.0 v2.0.0rc1 v2.0.0 v2.1.0 v2.2.0 v2.3.1 v2.3.0 nightly"

    class Listed:
        stdout = tags.replace(" ", "\n")

    monkeypatch.setattr(updates, "attempt", lambda *_: Listed)
    assert updates.supported_tags() == ["v2.3.1", "v2.2.0", "v2.1.0", "v2.0.0", "v1.1.0", "v0.9.3"]
    Listed.stdout = ""
    assert updates.supported_tags() == [FIRST_TAG]


@pytest.fixture(params=updates.supported_tags())
def old(request: pytest.FixtureRequest, template: Path, tmp_path: Path) -> Path:
    """A committed project of a release with every option."""
    project = render(template, tmp_path / "shop", {"preset": "everything"}, ref=request.param)
    run(["git", "init", "--quiet"], project)
    commit(project, "Start from the template")
    return project


def test_unedited_project_becomes_a_fresh_render(old: Path, template: Path, tmp_path: Path) -> None:
    before = tree(old)
    update(old, TAG)
    assert conflicts(old) == []
    recorded = yaml.safe_load((old / ".copier-answers.yml").read_text("utf-8"))
    answers = {name: recorded[name] for name in questions()}
    fresh = tree(render(template, tmp_path / "fresh/shop", answers))
    updated = tree(old)
    assert template_files(updated) == template_files(fresh)
    kept = before.keys() - template_files(before).keys()
    assert {name: updated[name] for name in kept} == {name: before[name] for name in kept}


@pytest.fixture
def newer(template: Path, tmp_path: Path) -> Path:
    """The template with one more version, which adds a column."""
    folder = tmp_path / "template"
    run(["git", "clone", "--quiet", str(template), str(folder)], tmp_path)
    users = folder / "template/app/extensions/users"
    edit(users / "models.py", '__tablename__ = "users"\n', '__tablename__ = "users"\n' + FIELD)
    # users_0001_users.py holds the revision users_0001.
    last = max(path.stem for path in (users / "migrations").glob("users_*.py"))
    head = "_".join(last.split("_")[:2])
    migration = MIGRATION.replace("HEAD", head)
    (users / "migrations/users_9999_nickname.py").write_text(migration)
    edit(folder / "template/app/core/__init__.py", '"""', '"""Newer. ')
    commit(folder, "A nickname", NEWER)
    return folder


FIELD = "\n    nickname: str | None = Field(default=None, max_length=40)\n"
MIGRATION = '''"""Add a nickname."""

import sqlalchemy as sa
from alembic import op

from app.core.database.models import SCHEMA

revision = "users_9999"
down_revision = "HEAD"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("nickname", sa.String(length=40)), schema=SCHEMA)


def downgrade() -> None:
    op.drop_column("users", "nickname", schema=SCHEMA)
'''


def apply_team_edits(project: Path) -> None:
    """Typical changes of a team in the first months, with the commands of the project."""
    run([*APP, "feature", "new", "orders"], project)
    models = project / "app/features/orders/models.py"
    append(models, "\n    price: int = Field(default=0)\n")
    append(project / "app/settings.py", '\n    greeting: str = "Hello"\n')
    edit(
        project / "app/main.py",
        "    app.add_middleware(RequestContext, settings=settings)\n",
        "    app.add_middleware(RequestContext, settings=settings)\n"
        "    app.add_middleware(GZipMiddleware)\n",
    )
    edit(
        project / "app/main.py",
        "from fastapi import FastAPI\n",
        "from fastapi import FastAPI\nfrom fastapi.middleware.gzip import GZipMiddleware\n",
    )
    edit(project / "README.md", "## Test it", "## Ask us\n\nIn room 12.\n\n## Test it")
    edit(project / "Dockerfile", "--retries=3", "--retries=9")
    (project / ".vscode/launch.json").unlink()
    edit(project / "CHANGELOG.md", "# ", "# Our ")
    run(["uv", "add", "--quiet", "humanize"], project)


def check_team_edits(project: Path) -> None:
    """Check that every edit is there, without conflicts."""
    assert conflicts(project) == []
    orders = project / "app/features/orders"
    assert "price: int" in (orders / "models.py").read_text("utf-8")
    assert len(list((orders / "migrations").glob("*.py"))) == 2
    for name, text in {
        "app/settings.py": 'greeting: str = "Hello"',
        "app/main.py": "add_middleware(GZipMiddleware)",
        "README.md": "In room 12.",
        "Dockerfile": "--retries=9",
        "CHANGELOG.md": "# Our ",
        "pyproject.toml": '"humanize>=',
    }.items():
        assert text in (project / name).read_text("utf-8"), name
    assert not (project / ".vscode/launch.json").exists()


@pytest.mark.network
@pytest.mark.xdist_group("released")
@pytest.mark.parametrize("release", updates.supported_tags())
def test_team_keeps_its_edits_and_its_data(release: str, newer: Path, tmp_path: Path) -> None:
    rendered = render(newer, tmp_path / "rendered/shop", {"preset": "everything"}, ref=release)
    project = install(rendered, tmp_path / "shop")
    apply_team_edits(project)
    with dev_stack(project) as stack:
        run([*APP, "db", "migrate", "--feature", "orders", "-m", "Add a price"], project)
        run([*APP, "db", "upgrade"], project)
        for path in ("items", "orders"):
            create_entry(stack, path)
        before = table_rows(project)
    commit(project, "Our work")

    update(project, TAG)
    check_team_edits(project)
    commit(project, "Update")
    update(project, NEWER)
    check_team_edits(project)
    assert '"""Newer. ' in (project / "app/core/__init__.py").read_text("utf-8")
    run(["uv", "lock", "--quiet"], project)
    run(["uv", "sync", "--quiet"], project)

    with dev_stack(project):
        run([*APP, "db", "upgrade"], project)
        after = table_rows(project)
        run([*APP, "db", "check"], project)
        assert "users_9999" in run([*APP, "db", "current"], project)
    assert {name: after[name] for name in before} == before
    assert before["orders"] == 1
    assert before["items"] == SAMPLE_ITEMS + 1
    run(["uv", "run", "--quiet", "pytest", "-q"], project)
