"""`update --preview` says what an update would bring, and writes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from launcher.migrations import read_migrations
from support.commands import run
from support.editing import append, edit
from support.launching import launch
from support.rendering import tree
from support.versions import NEW, OLD, old_project

# One worker makes the projects.
pytestmark = pytest.mark.xdist_group("update-small")


def _ours(project: Path) -> None:
    append(project / "app/main.py", "\n# Ours.\n")
    edit(project / "Dockerfile", "--retries=3", "--retries=9")


@pytest.fixture(scope="module")
def project(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return old_project(small, tmp_path_factory.mktemp("preview") / "shop", _ours)


@pytest.fixture(scope="module")
def found(project: Path) -> dict[str, Any]:
    (project / "notes.txt").write_text("Not committed.\n")
    before = tree(project), run(["git", "status", "--porcelain"], project)
    result = launch(project, "--preview", "--json")
    assert result.code == 0
    assert (tree(project), run(["git", "status", "--porcelain"], project)) == before
    (project / "notes.txt").unlink()
    read: dict[str, Any] = json.loads(result.output)
    return read


def test_versions_and_files(found: dict[str, Any]) -> None:
    assert (found["old"], found["new"]) == (OLD, NEW)
    assert found["added"] == [
        "app/core/added.py",
        "app/extensions/users/migrations/users_9999_nickname.py",
    ]
    assert found["removed"] == ["Procfile"]
    assert found["changed"] == [".env.example", "app/core/settings/retired.toml", "pyproject.toml"]
    assert found["conflicts"] == ["app/main.py"]


def test_questions_and_settings(found: dict[str, Any]) -> None:
    question = {"name": "colour", "help": "Which colour has the logo?", "answer": "red"}
    assert found["questions"] == [{**question, "option": False}]
    assert found["questions_removed"] == []
    assert found["settings_added"] == ["FURTHER"]
    assert found["settings_renamed"] == {"OLD_NAME": "NEW_NAME"}
    assert found["settings_removed"] == ["GONE"]


def test_migrations_dependencies_and_notes(found: dict[str, Any]) -> None:
    (migration,) = found["migrations"]
    assert migration["feature"] == "users"
    assert [lock.partition(",")[0].partition(" while")[0] for lock in migration["locks"]] == [
        "users: ACCESS EXCLUSIVE",
        "users: SHARE",
    ]
    assert migration["accepted"] == ["require-concurrent-index-creation, the table is short"]
    assert found["dependencies"] == [
        "- structlog>=26.0 (core)",
        "+ structlog>=26.1 (core)",
    ]
    assert found["notes"] == {"9999.2.0 - 2099-01-01": "Set [BRAVERY] first."}


def test_text_and_pull_request_name_the_same(project: Path) -> None:
    text = launch(project, "--preview").output
    body = launch(project, "--preview", "--markdown").output
    for name in ("app/main.py", "users_9999", "NEW_NAME", "colour", "structlog>=26.1", "BRAVERY"):
        assert name in text
        assert name in body
    assert f"{OLD} → {NEW}" in text
    assert "- `app/main.py`\n" in body
    assert '- `colour` = "red": Which' in body


def test_current_project_has_an_empty_preview(project: Path) -> None:
    result = launch(project, "--preview", "--json", "--vcs-ref", OLD)
    read = json.loads(result.output)
    assert (read.pop("old"), read.pop("new")) == (OLD, OLD)
    assert not any(read.values())


@pytest.mark.parametrize("arguments", [["--json"], ["--markdown"], ["--preview", "--drift"]])
def test_flags_that_do_not_fit_are_refused(project: Path, arguments: list[str]) -> None:
    assert launch(project, *arguments).code != 0


LOCKS = """
create_table('new', sa.Column('id'))
create_table('new'), op.create_index('ix', 'new', ['id'])
create_table('new', sa.ForeignKeyConstraint(['u'], [f'{S}.users.id'])) -> users: SHARE ROW EXCLUSIVE
create_index('ix', 't', ['a'], postgresql_concurrently=True)
create_index('ix', 't', ['a']) -> t: SHARE while
alter_column('t', 'a', type_=sa.Text()) -> t: ACCESS EXCLUSIVE while the table is rewritten
alter_column('t', 'a', nullable=False) -> t: ACCESS EXCLUSIVE while the table is checked
alter_column('t', 'a', nullable=True) -> t: ACCESS EXCLUSIVE, briefly
create_check_constraint('ck', 't', 'a > 0') -> t: ACCESS EXCLUSIVE while
create_foreign_key('f', 't', 'o', ['a'], ['b']) -> t: SHARE ROW EXCLUSIVE on both tables while
create_foreign_key('f', 't', 'o', [], [], postgresql_not_valid=True) -> t: SHARE ROW EXCLUSIVE on both tables:
drop_column('t', 'a') -> t: ACCESS EXCLUSIVE, briefly
execute('UPDATE t SET a = 1') -> runs SQL
get_bind(), helper() -> gone: ACCESS EXCLUSIVE, briefly
"""  # noqa: E501


@pytest.mark.parametrize("line", LOCKS.strip().splitlines())
def test_locks_of_operations(line: str) -> None:
    operation, arrow, lock = line.partition(" -> ")
    code = f"def upgrade():\n    op.{operation}\n\ndef helper():\n    op.drop_table('gone')\n"
    found = read_migrations([("app/features/a/migrations/a_0001.py", code)])[0].locks
    assert len(found) == bool(arrow)
    assert "".join(found).startswith(lock)
