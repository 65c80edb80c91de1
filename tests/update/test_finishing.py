"""Conflicts are explained; `update --continue` finishes an update, and `--abort` undoes it."""

from pathlib import Path

import pytest

from launcher import database, explain, finish, state
from launcher.project import recorded
from launcher.template import cloned
from support.commands import run
from support.editing import append, edit
from support.launching import launch
from support.rendering import tree
from support.snapshot import commit
from support.stack import create_entry, dev_stack, table_rows
from support.updates import conflicts
from support.versions import ENTRY, NEW, OLD, old_project

pytestmark = pytest.mark.xdist_group("update-small")


def _ours(project: Path) -> None:
    append(project / "app/main.py", "\n# Ours.\n")


@pytest.fixture
def clashing(small: Path, tmp_path: Path) -> Path:
    """A project whose entry point both sides have changed, after a failed update."""
    project = old_project(small, tmp_path / "shop", _ours)
    result = launch(project, "--defaults")
    assert result.code == 1
    assert result.error.endswith("\n  app/main.py")
    return project


def test_conflict_says_why_and_who(clashing: Path) -> None:
    before = recorded(clashing) | {"_commit": OLD}
    with cloned(str(before["_src_path"])) as template:
        (found,) = explain.explain(clashing, ["app/main.py"], template, before, NEW)
    assert found.entries == [ENTRY]
    assert [each.rpartition(": ")[2] for each in found.theirs] == [
        "Say who changed the entry point"
    ]
    assert [each.rpartition(": ")[2] for each in found.ours] == ["Ours"]
    assert ENTRY in explain.as_text([found])


def test_order_begins_with_what_others_build_on() -> None:
    listed = ["tests/conftest.py", "Dockerfile", "app/main.py", "app/core/a.py", "pyproject.toml"]
    assert explain.in_order(listed) == [
        "pyproject.toml",
        "app/core/a.py",
        "app/main.py",
        "Dockerfile",
        "tests/conftest.py",
    ]


def test_abort_restores_every_file(clashing: Path) -> None:
    edit(clashing / "app/main.py", "# Ours.", "# Ours, half solved.")
    (clashing / "notes.txt").write_text("Mine, written since.\n")

    assert launch(clashing, "--abort").code == 0

    assert run(["git", "status", "--porcelain"], clashing) == "?? notes.txt\n"
    (clashing / "notes.txt").unlink()
    fresh = clashing.parent / "fresh"
    run(["git", "clone", "--quiet", str(clashing), str(fresh)], clashing.parent)
    assert tree(clashing) == tree(fresh)
    # The solutions are not lost.
    patch = (clashing / ".git/template-update-aborted.patch").read_text("utf-8")
    assert "half solved" in patch
    assert launch(clashing, "--abort").code == 1  # nothing is under way any more


def test_abort_in_a_folder_of_a_repository_leaves_the_rest_alone(
    small: Path, tmp_path: Path
) -> None:
    project = old_project(small, tmp_path / "mono/shop", _ours)
    run(["rm", "-rf", str(project / ".git")], tmp_path)
    (tmp_path / "mono/site.txt").write_text("1")
    run(["git", "init", "--quiet"], tmp_path / "mono")
    commit(tmp_path / "mono", "Two projects")
    (tmp_path / "mono/site.txt").write_text("2")
    before = tree(project)
    assert launch(project, "--defaults").code == 1
    assert tree(project) != before
    assert launch(project, "--abort").code == 0
    assert tree(project) == before
    assert (tmp_path / "mono/site.txt").read_text() == "2"


def test_abort_and_continue_need_an_update(small: Path, tmp_path: Path) -> None:
    project = old_project(small, tmp_path / "shop")
    assert launch(project, "--abort").code == launch(project, "--continue").code == 1
    assert launch(project, "--defaults").code == 0
    commit(project, "Update")
    before = tree(project)
    assert launch(project, "--abort").code == launch(project, "--continue").code == 1
    assert tree(project) == before


@pytest.fixture
def uv_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []

    def record(_: Path, *arguments: str, show: bool = False) -> str:
        assert show
        calls.append(" ".join(arguments))
        return ""

    monkeypatch.setattr(finish, "uv", record)
    return calls


def test_continue_requires_solutions_then_runs_all_steps(
    clashing: Path, uv_calls: list[str]
) -> None:
    assert "app/main.py" in launch(clashing, "--continue").error
    assert uv_calls == []
    run(["git", "checkout", "--theirs", "--", "app/main.py"], clashing)
    run(["git", "add", "app/main.py"], clashing)
    assert conflicts(clashing) == []
    assert launch(clashing, "--continue").code == 0
    assert uv_calls == ["lock", "sync", "run pytest tests"]
    # It can still be undone.
    assert state.load(clashing).new == NEW


def test_only_the_database_of_app_dev_is_touched(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = old_project(small, tmp_path / "shop")
    (project / ".dev").mkdir()
    (project / ".dev/env").write_text("REDIS_URL=redis://127.0.0.1\n")
    assert not database.is_running(project)
    (project / ".dev/env").write_text("DATABASE_URL=postgresql://127.0.0.1/x\n")
    assert database.is_running(project)
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example.com/x")
    assert not database.is_running(project)


@pytest.fixture
def newer(template: Path, tmp_path: Path) -> Path:
    """The template with one more version, which has a migration."""
    folder = tmp_path / "template"
    run(["git", "clone", "--quiet", str(template), str(folder)], tmp_path)
    migration = folder / "template/app/extensions/users/migrations/users_9999_nickname.py"
    last = max(path.stem for path in migration.parent.glob("users_0*.py"))
    migration.write_text(NICKNAME.format(last="_".join(last.split("_")[:2])))
    commit(folder, "A nickname", NEW)
    return folder


NICKNAME = '''"""Add a nickname."""

import sqlalchemy as sa
from alembic import op

from app.core.database.models import SCHEMA

revision = "users_9999"
down_revision = "{last}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("nickname", sa.String(length=40)), schema=SCHEMA)


def downgrade() -> None:
    pass
'''


@pytest.mark.network
@pytest.mark.slow
def test_abort_restores_the_database(
    installed: Path, newer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = installed / ".copier-answers.yml"
    source = str(recorded(installed)["_src_path"])
    edit(answers, source, str(newer))
    commit(installed, "Another template")
    run_uv = database.uv

    def without_tests(project: Path, *arguments: str, show: bool = False) -> str:
        return "" if "pytest" in arguments else run_uv(project, *arguments, show=show)

    monkeypatch.setattr(finish, "uv", without_tests)
    with dev_stack(installed) as stack:
        create_entry(stack, "items")
        rows, revisions = table_rows(installed)["items"], database.revisions(installed)
        assert launch(installed, "--defaults").code == 0
        assert launch(installed, "--continue").code == 0
        assert "users users_9999" in database.revisions(installed)

        assert launch(installed, "--abort").code == 0

        assert database.revisions(installed) == revisions
        assert table_rows(installed)["items"] == rows > 0
        assert run(["git", "status", "--porcelain"], installed) == ""
