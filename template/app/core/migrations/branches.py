"""Where the branches are: core's folder, and `migrations/` of every feature in the code.

`FEATURES` does not narrow them. It says what a process serves; the schema belongs to the code, and
two processes of one deployment must not disagree about it.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Table
from sqlmodel.main import default_registry

from app.core.database.models import metadata
from app.core.features import installed, owner_of
from app.core.migrations.errors import MigrationError

if TYPE_CHECKING:
    from alembic.script import Script

CORE = "core"


def branches() -> dict[str, Path]:
    """Folder of each branch by its name, core first; a feature without migrations has none yet."""
    return {
        CORE: Path(__file__).parent / "versions",
        **{feature.name: feature.migrations for feature in installed()},
    }


def folder(branch: str) -> Path:
    """Folder of one branch.

    Raises:
        MigrationError: no feature of that name is in the code.
    """
    known = branches()
    if branch not in known:
        raise MigrationError(f"There is no feature '{branch}'; there are: {', '.join(known)}.")
    return known[branch]


def branch_of(script: "Script") -> str:
    """Name of the branch whose folder holds the revision."""
    parent = Path(script.path).resolve().parent
    return next(name for name, path in branches().items() if path.resolve() == parent)


def table_owners() -> dict[str, str]:
    """Branch of each table in the metadata by the table's name, once `load_models()` has run."""
    owners = {}
    # A table without a class, as between two others, is a variable of the feature's `models`.
    for feature in installed():
        for value in vars(sys.modules.get(f"{feature.package}.models", feature)).values():
            if isinstance(value, Table):
                owners[value] = feature.name
    for mapper in default_registry.mappers:
        branch = owner_of(mapper.class_.__module__)
        if isinstance(mapper.local_table, Table) and branch:
            owners[mapper.local_table] = branch
    return {t.name: owners[t] for t in metadata.tables.values() if t in owners}
