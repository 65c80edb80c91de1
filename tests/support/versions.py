"""A small template with two versions, and a project of the older one."""

from collections.abc import Callable, Mapping
from pathlib import Path

from support.answers import OPTIONS
from support.commands import run
from support.editing import append, edit
from support.rendering import render
from support.snapshot import commit
from support.trimming import trim

OLD, NEW = "v9999.1.0", "v9999.2.0"
QUESTION = """
colour:
  type: str
  help: Which colour has the logo?
  default: red
"""
MIGRATION = '''"""Add a nickname.

Revision: users_9999
"""

import sqlalchemy as sa
from alembic import op

revision = "users_9999"
down_revision = "users_0001"


def upgrade() -> None:
    # accepted: require-concurrent-index-creation, the table is short
    op.add_column("users", sa.Column("nickname", sa.String(length=40)))
    op.create_index("ix_users_nickname", "users", ["nickname"])
'''
ENTRY = "- The entry point says who changed it."


def two_versions(template: Path, folder: Path) -> Path:
    """A clone of the template with few files (`OLD`), then with a change of each kind (`NEW`)."""
    run(["git", "clone", "--quiet", str(template), str(folder)], folder.parent)
    trim(folder)
    files = folder / "template"
    for option in OPTIONS.values():
        for name in option.extensions:
            (files / "app/extensions" / name).mkdir(parents=True, exist_ok=True)
            (files / "app/extensions" / name / "__init__.py").touch()
    append(files / ".env.example.jinja", "\n# Soon gone.\n#OLD_NAME=\n#GONE=\n")
    commit(folder, "Only the files that these tests need", OLD)

    append(files / "app/main.py", "\n# Theirs.\n")
    edit(
        folder / "CHANGELOG.md",
        "## [Unreleased]\n\n### Added\n",
        f"## [Unreleased]\n\n### Added\n\n{ENTRY}\n",
    )
    commit(folder, "Say who changed the entry point")
    (files / "app/core/added.py").write_text('"""New."""\n')
    (files / "Procfile.jinja").unlink()
    edit(files / "pyproject.toml.jinja", '"structlog>=26.0"', '"structlog>=26.1"')
    edit(files / ".env.example.jinja", "#OLD_NAME=\n#GONE=\n", "#NEW_NAME=\n#FURTHER=\n")
    retired = files / "app/core/settings/retired.toml.jinja"
    retired.write_text(
        '[OLD_NAME]\nsince = "9999.2.0"\nrenamed_to = "NEW_NAME"\n\n'
        '[GONE]\nsince = "9999.2.0"\ncure = "Delete it."\n'
    )
    migrations = files / "app/extensions/users/migrations"
    migrations.mkdir(parents=True)
    (migrations / "users_9999_nickname.py").write_text(MIGRATION)
    append(folder / "copier.yml", QUESTION)
    edit(folder / "checks.jinja", "'preset',\n]", "'preset', 'colour',\n]")
    append(
        folder / "CHANGELOG.md",
        "\n## [9999.2.0] - 2099-01-01\n\n### Update notes\n\nSet [BRAVERY] first.\n",
    )
    commit(folder, "A new version", NEW)
    return folder


def old_project(
    versions: Path,
    folder: Path,
    change: Callable[[Path], None] | None = None,
    answers: Mapping[str, object] | None = None,
) -> Path:
    """A committed project of the older version, with the changes of `change` as a second commit."""
    render(versions, folder, answers, ref=OLD)
    run(["git", "init", "--quiet"], folder)
    commit(folder, "Start from the template")
    if change:
        change(folder)
        commit(folder, "Ours")
    return folder
