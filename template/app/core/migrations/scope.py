"""Selects the tables that a comparison of models and database includes."""

from sqlalchemy import Connection, text

from app.core.database.models import RUNTIME_INDEX, SCHEMA
from app.core.migrations import history
from app.core.migrations.branches import branches, table_owners

_PARTITIONS = text("""
    SELECT relname FROM pg_class
    WHERE relispartition AND relnamespace = to_regnamespace(quote_ident(:schema))
""")


class Scope:
    """Filters for Alembic: the tables of one branch or of all branches, in our schema.

    A table belongs to a branch by its model or, after the model was removed, by the history, so a
    removed model produces a `drop_table`. All other tables are excluded: those of options that are
    switched off, of Supabase and of other programs. Partitions are excluded too.
    """

    def __init__(self, connection: Connection, branch: str | None) -> None:
        # Alembic reports the schema that comes first in the search path as None.
        is_default = connection.dialect.default_schema_name == SCHEMA
        self.schemas = {SCHEMA, None} if is_default else {SCHEMA}
        owners = history.table_branches(connection) | table_owners()
        included = [branch] if branch else branches()
        self.tables = {table for table, owner in owners.items() if owner in included}
        self.tables -= set(connection.scalars(_PARTITIONS, {"schema": SCHEMA}))

    def include_name(self, name: str | None, kind: str, _parents: object) -> bool:
        """Filter the objects of the database."""
        if kind == "schema":
            return name in self.schemas
        if kind == "index":
            return not (name or "").startswith(RUNTIME_INDEX)
        return kind != "table" or name in self.tables

    def include_object(self, _item: object, name: str | None, kind: str, *_: object) -> bool:
        """Filter the objects of the models."""
        return kind != "table" or name in self.tables
