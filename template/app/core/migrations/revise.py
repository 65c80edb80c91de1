"""Writing migrations: one feature at a time, into its folder."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from app.core.database.models import metadata
from app.core.features import load_models
from app.core.migrations.branches import CORE, branch_of, folder, table_owners
from app.core.migrations.commands import config, readable, scripts
from app.core.migrations.errors import MigrationError
from app.core.migrations.graph import (
    ancestors,
    branch_heads,
    effective_heads,
    require_single_heads,
)
from app.core.migrations.render import tidy


def write(branch: str, message: str, *, empty: bool = False) -> Path | None:
    """Write the next migration of a branch and return its file, or None if nothing has changed.

    `empty` writes a file to be filled in by hand, and needs no database.

    Raises:
        MigrationError: unknown branch, two heads, or a database that lacks migrations.
    """
    path = folder(branch)
    directory = scripts()
    require_single_heads(directory)
    load_models()
    head, *_ = branch_heads(directory).get(branch, [None])
    options: dict[str, Any] = {"head": head}
    if head is None:
        # Known in advance, so that what a template ships can be depended on by name.
        options = {"head": "base", "branch_label": branch, "rev_id": f"{branch}_0001"}
    with readable():
        written = command.revision(
            config(branch=branch),
            message=message,
            autogenerate=not empty,
            version_path=path,
            depends_on=_dependencies(directory, branch, head) or None,  # type: ignore[arg-type]
            process_revision_directives=_drop_unchanged,
            **options,
        )
    return _tidied(written) if isinstance(written, Script) else None


def merge(branch: str, message: str) -> Path:
    """Join the heads of a branch and return the file.

    Raises:
        MigrationError: unknown branch, or there is nothing to join.
    """
    folder(branch)
    found = branch_heads(scripts()).get(branch, [])
    if len(found) < 2:
        raise MigrationError(f"'{branch}' has no second head: there is nothing to merge.")
    with readable():
        written = command.merge(config(), sorted(found), message=message)
    if written is None:
        raise MigrationError(f"Alembic wrote no file for the merge of '{branch}'.")
    return _tidied(written)


def _tidied(script: Script) -> Path:
    tidy(script.path)
    return Path(script.path)


def _drop_unchanged(
    _context: MigrationContext, _revision: object, directives: list[MigrationScript]
) -> None:
    if all(operations.is_empty() for operations in directives[0].upgrade_ops_list):
        directives.clear()


def _dependencies(directory: ScriptDirectory, branch: str, head: str | None) -> list[str]:
    """Heads of core and of the branches that foreign keys lead to, unless implied already."""
    implied = ancestors(directory, [head] if head else [])
    reached = {branch_of(s) for s in directory.walk_revisions() if s.revision in implied}
    owners = table_owners()
    targets = {
        owners.get(key.target_fullname.split(".")[-2])
        for table in metadata.tables.values()
        if owners.get(table.name) == branch
        for key in table.foreign_keys
    }
    heads = branch_heads(directory)
    wanted = sorted({CORE, *filter(None, targets)} - reached - {branch})
    for other in wanted:
        if other not in heads:
            raise MigrationError(
                f"'{branch}' refers to tables of '{other}', which has no migration yet: write that "
                f'one first, with `uv run app db migrate --feature {other} -m "…"`.'
            )
    # Alembic cannot merge several heads into a revision that names what one of them implies.
    needed = ancestors(directory, [heads[other][0] for other in wanted])
    return sorted(effective_heads(directory, needed))
