"""Questions about the revision files, asked without a database."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.core.migrations.branches import branch_of
from app.core.migrations.errors import MigrationError

if TYPE_CHECKING:
    from alembic.script import Script, ScriptDirectory


def ordered(scripts: "ScriptDirectory") -> "list[Script]":
    """Every revision, each after all that it builds or depends on."""
    return list(scripts.walk_revisions())[::-1]


def ancestors(scripts: "ScriptDirectory", revisions: Iterable[str]) -> set[str]:
    """The revisions themselves and everything that they imply, dependencies included."""
    return {
        script.revision
        for revision in revisions
        for script in scripts.iterate_revisions(revision, "base")
    }


def effective_heads(scripts: "ScriptDirectory", applied: set[str]) -> set[str]:
    """The rows that Alembic keeps for these applied revisions: those no other one implies."""
    heads: set[str] = set()
    implied: set[str] = set()
    for script in reversed(ordered(scripts)):
        if script.revision in applied and script.revision not in implied:
            heads.add(script.revision)
            implied |= ancestors(scripts, [script.revision])
    return heads


def branch_heads(scripts: "ScriptDirectory") -> dict[str, list[str]]:
    """Last revisions of each branch that has any; more than one is a mistake to be merged."""
    heads: dict[str, list[str]] = {}
    for revision in scripts.get_heads():
        script = scripts.get_revision(revision)
        heads.setdefault(branch_of(script), []).append(revision)
    return heads


def require_single_heads(scripts: "ScriptDirectory") -> None:
    """Refuse to go on while a branch has two ends.

    Raises:
        MigrationError: it names both revisions and the command that joins them.
    """
    for branch, heads in branch_heads(scripts).items():
        if len(heads) > 1:
            raise MigrationError(
                f"'{branch}' has {len(heads)} heads, {' and '.join(sorted(heads))}: migrations "
                "were made side by side. Join them with "
                f"`uv run app db merge --feature {branch}`."
            )
