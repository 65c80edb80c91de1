"""Which tables a comparison of models and database may look at."""

from sqlalchemy import Connection, Table, text
from sqlalchemy.sql.base import SchemaEventTarget

from app.core.database.models import RUNTIME_INDEX, SCHEMA
from app.core.migrations import history
from app.core.migrations.branches import branches, table_owners

_PARTITIONS = text("""
    SELECT relname FROM pg_class
    WHERE relispartition AND relnamespace::regnamespace::text = quote_ident(:schema)
""")


class Scope:
    """Filters for Alembic: our schema alone, and there the tables of one branch or of all.

    A table belongs to a branch by its model or, once the model is removed, by the log: so a
    removed model gets its `drop_table`. Tables that neither knows (those of an option that is
    switched off, of Supabase, of a visitor) are never looked at, and neither are partitions.
    """

    def __init__(self, connection: Connection, branch: str | None) -> None:
        self.schema_names = {SCHEMA}
        if connection.dialect.default_schema_name == SCHEMA:
            self.schema_names.add("")
        owners = table_owners()
        entries = history.entries(connection)
        for name in branches():
            for table in history.tables_of(entries, name):
                owners.setdefault(table, name)
        self.tables = {table for table, owner in owners.items() if branch in (None, owner)}
        self.tables -= set(connection.scalars(_PARTITIONS, {"schema": SCHEMA}))

    def include_name(self, name: str | None, kind: str, _parents: object) -> bool:
        """For what is in the database."""
        if kind == "schema":
            return (name or "") in self.schema_names
        if kind == "index":
            return not (name or "").startswith(RUNTIME_INDEX)
        return kind != "table" or name in self.tables

    def include_object(
        self,
        item: SchemaEventTarget,
        _name: str | None,
        _kind: str,
        _reflected: bool,  # noqa: FBT001  Alembic's signature
        _compare_to: SchemaEventTarget | None,
    ) -> bool:
        """For what is in the models."""
        return not isinstance(item, Table) or item.name in self.tables
