"""`app db migrate` and `app db merge` write migrations. They need ruff, which the image lacks."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer
from alembic import command
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from app.core.cli.db import RequiredFeature, after_reset, cli
from app.core.database.models import SCHEMA, metadata
from app.core.migrations.branches import CORE, folder, table_owners
from app.core.migrations.commands import config, scripts, translate_errors
from app.core.migrations.errors import MigrationError
from app.core.migrations.graph import (
    ancestors,
    branch_by_revision,
    branch_heads,
    effective_heads,
    require_single_heads,
)
from devstack.formatting import tidy
from devstack.prepare import restore_users

after_reset.append(restore_users)

MAX_MESSAGE = 90  # characters, so that the linter accepts the line


@cli.command("migrate")
def migrate_command(
    feature: RequiredFeature,
    message: Annotated[str, typer.Option("--message", "-m", help="The change, in a few words.")],
    empty: Annotated[bool, typer.Option(help="Write a file to complete by hand.")] = False,
) -> None:
    """Write the migration that a feature's models need."""
    path = write(feature, message, empty=empty)
    if path is None:
        print(f"Nothing has changed in the tables of '{feature}': no migration written.")
    else:
        print(f"Wrote {path}\nRead it, then run `uv run app db upgrade`.")


@cli.command("merge")
def merge_command(
    feature: RequiredFeature,
    message: Annotated[
        str, typer.Option("--message", "-m", help="A few words about it.")
    ] = "merge two heads",
) -> None:
    """Merge two migrations of a feature that were written independently."""
    print(f"Wrote {merge(feature, message)}")


def write(branch: str, message: str, *, empty: bool = False) -> Path | None:
    """Write the next migration of a branch and return its file, or None if nothing has changed.

    `empty` writes a file to complete by hand, and needs no database.

    Raises:
        MigrationError: unknown branch, two heads, a message that is empty or too long, or a
            database that lacks migrations.
    """
    path = folder(branch)
    directory = scripts()
    require_single_heads(directory)
    head, *_ = branch_heads(directory).get(branch, [None])
    options: dict[str, Any] = {"head": head}
    if head is None:
        # A predictable id, so that other migrations can name the first one in `depends_on`.
        options = {"head": "base", "branch_label": branch, "rev_id": f"{branch}_0001"}
    with translate_errors():
        written = command.revision(
            config(branch=branch),
            message=_sentence(message),
            autogenerate=not empty,
            version_path=path,
            depends_on=_dependencies(directory, branch, head) or None,  # type: ignore[arg-type]
            process_revision_directives=_drop_unchanged,
            **options,
        )
    return _tidied(written) if isinstance(written, Script) else None


def merge(branch: str, message: str) -> Path:
    """Merge the heads of a branch and return the file.

    Raises:
        MigrationError: unknown branch, or it has only one head.
    """
    folder(branch)
    heads = branch_heads(scripts()).get(branch, [])
    if len(heads) < 2:
        raise MigrationError(f"'{branch}' has no second head: there is nothing to merge.")
    with translate_errors():
        written = command.merge(config(), heads, message=_sentence(message))
    assert written is not None
    return _tidied(written)


def statements(code: str) -> str:
    """Return the statements of a migration for script.py.mako.

    Removes Alembic's comments, and writes the schema as a constant: its name may differ between
    deployments (`DB_SCHEMA`).
    """
    code = re.sub(r"[ \t]*# ### .* ###\n?", "", code).strip()
    code = re.sub(rf"""\bschema=(['"]){SCHEMA}\1""", "schema=SCHEMA", code)
    code = re.sub(rf"""(['"]){SCHEMA}\.(\w+\.\w+)\1""", r'f"{SCHEMA}.\2"', code)
    return code or "pass"


def _sentence(message: str) -> str:
    """Return the message as the first line of a docstring."""
    line = " ".join(message.split()).replace("\\", "/").replace('"', "'")
    if not 0 < len(line) <= MAX_MESSAGE:
        raise MigrationError(
            f'Describe the change in at most {MAX_MESSAGE} characters: -m "add the due date".'
        )
    return line if line.endswith((".", "?", "!")) else f"{line}."


def _tidied(script: Script) -> Path:
    path = Path(script.path)
    tidy(path, rules="I,F401")
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _drop_unchanged(
    _context: MigrationContext, _revision: object, directives: list[MigrationScript]
) -> None:
    if all(operations.is_empty() for operations in directives[0].upgrade_ops_list):
        directives.clear()


def _dependencies(directory: ScriptDirectory, branch: str, head: str | None) -> list[str]:
    """Heads of core and of the branches that foreign keys lead to, unless implied already."""
    branches = branch_by_revision(directory)
    implied = {branches[revision] for revision in ancestors(directory, [head] if head else [])}
    owners = table_owners()
    targets = {
        owners.get(key.target_fullname.split(".")[-2])
        for table in metadata.tables.values()
        if owners.get(table.name) == branch
        for key in table.foreign_keys
    }
    required = sorted({CORE, *filter(None, targets)} - implied - {branch})
    heads = branch_heads(directory)
    for other in required:
        if other not in heads:
            raise MigrationError(
                f"'{branch}' refers to tables of '{other}', which has no migration yet: write that "
                f'one first, with `uv run app db migrate --feature {other} -m "…"`.'
            )
    # Alembic cannot merge several heads into a revision that names an ancestor of one of them.
    return sorted(effective_heads(directory, (heads[other][0] for other in required)))
