"""The organization of each entry of the audit log; `admin` shows it and filters by it."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, event, select
from sqlalchemy.orm import Mapper

from app.extensions.admin.service import AuditEntry
from app.extensions.organizations.service import holdings
from app.extensions.organizations.service.scope import current


@event.listens_for(AuditEntry, "before_insert")
def set_organization(_: Mapper[Any], connection: Connection, entry: AuditEntry) -> None:
    """Set the organization of the row that an entry is about; without one, of the running code."""
    now = current.get()
    entry.belongs_to = _of_row(connection, entry) or (UUID(now) if now else None)


def _of_row(connection: Connection, entry: AuditEntry) -> UUID | None:
    holding = next((each for each in holdings.known() if each.table == entry.subject), None)
    if holding is None:
        return None
    value = (entry.after or entry.before or {}).get(holding.column)
    if value is None and entry.subject_id:
        value = _read(connection, holding.load(), holding.column, entry.subject_id)
    return holding.organization(connection, UUID(str(value))) if value else None


def _read(connection: Connection, table: Table, column: str, subject_id: str) -> Any:
    """Read a column of the row with this key. A row that is deleted is still there."""
    if [key.name for key in table.primary_key] == [column]:
        return subject_id
    with suppress(ValueError):  # not the key of a row
        keys = zip(table.primary_key, subject_id.split(";"), strict=True)
        same = [key == key.type.python_type(value) for key, value in keys]
        return connection.execute(select(table.c[column]).where(*same)).scalar()
    return None
