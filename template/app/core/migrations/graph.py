"""The graph of the revision files. Nothing here needs a database."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.core.migrations.branches import branch_of
from app.core.migrations.errors import MigrationError

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory


def branch_by_revision(scripts: "ScriptDirectory") -> dict[str, str]:
    """Return the branch of each revision; every revision comes after those that it depends on."""
    return {script.revision: branch_of(script) for script in [*scripts.walk_revisions()][::-1]}


def ancestors(scripts: "ScriptDirectory", revisions: Iterable[str]) -> set[str]:
    """Return the revisions and everything that they build or depend on."""
    return {
        script.revision
        for revision in revisions
        for script in scripts.iterate_revisions(revision, "base")
    }


def effective_heads(scripts: "ScriptDirectory", applied: Iterable[str]) -> set[str]:
    """Return the rows of Alembic's table for applied revisions: those that no other one implies."""
    heads = set(applied)
    for revision in list(heads):
        if revision in heads:
            heads -= ancestors(scripts, [revision]) - {revision}
    return heads


def branch_heads(scripts: "ScriptDirectory") -> dict[str, list[str]]:
    """Return the heads of each branch that has revisions. More than one must be merged."""
    heads: dict[str, list[str]] = {}
    for revision in sorted(scripts.get_heads()):
        heads.setdefault(branch_of(scripts.get_revision(revision)), []).append(revision)
    return heads


def require_single_heads(scripts: "ScriptDirectory") -> None:
    """Check that no branch has two heads.

    Raises:
        MigrationError: a branch has two; the message names them and the command that merges them.
    """
    for branch, heads in branch_heads(scripts).items():
        if len(heads) > 1:
            raise MigrationError(
                f"'{branch}' has {len(heads)} heads, {' and '.join(heads)}: two migrations were "
                "written independently. Merge them with "
                f"`uv run app db merge --feature {branch}`."
            )
