"""The Alembic branches: one for core, and one for each feature in the code.

`FEATURES` does not limit them. It selects the features that a process loads, but the schema belongs
to the code: two processes of one deployment must agree about it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import FromClause, Table
from sqlmodel.main import default_registry

from app.core.database.models import metadata
from app.core.features import installed, load_models, owner_of
from app.core.migrations.errors import MigrationError

if TYPE_CHECKING:
    from alembic.script import Script

CORE = "core"


def branches() -> dict[str, Path]:
    """Return the folder of each branch, core first. A feature's folder may not exist yet."""
    return {
        CORE: Path(__file__).parent / "versions",
        **{feature.name: feature.migrations for feature in installed()},
    }


def folder(branch: str) -> Path:
    """Return the folder of one branch.

    Raises:
        MigrationError: the code has no feature of that name.
    """
    known = branches()
    if branch not in known:
        raise MigrationError(f"There is no feature '{branch}'; there are: {', '.join(known)}.")
    return known[branch]


def branch_of(script: "Script") -> str:
    """Return the branch of a revision by the folder of its file."""
    directory = Path(script.path).parent
    return CORE if directory.name == "versions" else directory.parent.name


def table_owners() -> dict[str, str]:
    """Load all models and return the branch of each table in the metadata, by the table's name."""
    load_models()
    owners: dict[FromClause, str | None] = {}
    for feature in installed():
        # A table without a class, such as an association table, is a variable of `models`.
        models = feature.module("models")
        for value in vars(models).values() if models else ():
            if isinstance(value, Table):
                owners[value] = feature.name
    for mapper in default_registry.mappers:
        owners[mapper.local_table] = owner_of(mapper.class_.__module__)
    return {table.name: owner for table in metadata.tables.values() if (owner := owners.get(table))}
