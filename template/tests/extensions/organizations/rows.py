"""Rows for every table of organizations, of every feature: found by the column `organization_id`.

A text has two words of its organization: one that others may search for, and one that only members
may ever read. A column with rules that no value here keeps gets one from the `examples` of its
field: `code: str = Field(examples=["A-1"])`.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapper
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.main import default_registry

from app.core.database.models import metadata, utcnow
from app.core.features import load_models
from tests.support.tenants import Tenant

KEY = "organization_id"
MEMBERS = "organizations_members"  # its rows are the people of a tenant
ROWS = 2  # of each table
LONG = 12  # characters; shorter texts are roles and states, which organizations share
SHORT = 40  # characters; below, texts are only random, so that they can be unique


@dataclass(frozen=True)
class Words:
    """The words in the texts of an organization."""

    known: str
    secret: str

    @classmethod
    def new(cls) -> "Words":
        """Make words that nothing else contains."""
        return cls(f"known{uuid4().hex[:8]}", f"secret{uuid4().hex[:10]}")

    def text(self, length: int | None) -> str:
        """A text of at most this length; a short one has no place for the words."""
        if length is not None and length < SHORT:
            return uuid4().hex[:length]
        return f"{self.known} {self.secret} {uuid4().hex}"[:length]


def scoped_tables() -> list[sa.Table]:
    """The tables whose rows belong to an organization; a table comes after those it refers to."""
    load_models()
    return [table for table in metadata.sorted_tables if KEY in table.columns]


async def fill(session: AsyncSession, tenant: Tenant, words: Words) -> dict[str, list[UUID]]:
    """Add rows of an organization to every table; return the ids by table."""
    added: dict[sa.Table, list[dict[str, Any]]] = {}
    for table in scoped_tables():
        if table.name != MEMBERS:
            rows = [_row(table, tenant, words, added, number) for number in range(ROWS)]
            await session.exec(sa.insert(table), params=rows)
            added[table] = rows
    await session.commit()
    return {
        table.name: [value for row in rows for value in row.values() if _is_key(table, row, value)]
        for table, rows in added.items()
    }


async def texts(session: AsyncSession, tenant: Tenant) -> list[str]:
    """The long texts in the rows of an organization."""
    found: set[str] = set()
    connection = await session.connection()
    for table in scoped_tables():
        rows = sa.select(table).where(table.c[KEY] == tenant.id)
        for row in await connection.execute(rows):
            found |= {value for value in row if isinstance(value, str) and len(value) >= LONG}
    return sorted(found)


def _is_key(table: sa.Table, row: dict[str, Any], value: object) -> bool:
    return isinstance(value, UUID) and any(row[key.name] is value for key in table.primary_key)


def _row(
    table: sa.Table,
    tenant: Tenant,
    words: Words,
    added: dict[sa.Table, list[dict[str, Any]]],
    number: int,
) -> dict[str, Any]:
    row = {}
    for column in table.columns:
        if column.computed or column.identity:
            continue
        if column.name == KEY:
            row[column.name] = tenant.id
        elif column.foreign_keys:
            target = next(iter(column.foreign_keys)).column
            row[column.name] = _referred(column, target, tenant, added)
        else:
            row[column.name] = _value(column, words, number)
    return row


def _referred(
    column: "sa.Column[Any]",
    target: "sa.Column[Any]",
    tenant: Tenant,
    added: dict[sa.Table, list[dict[str, Any]]],
) -> Any:
    if target.table in added:
        return added[target.table][0][target.name]
    if target.table.name == "users":
        return tenant.people["owner"].id
    assert column.nullable, f"{column}: this test cannot fill a reference to {target.table.name}"
    return None


def _value(column: "sa.Column[Any]", words: Words, number: int) -> Any:
    """A value that differs between the rows of a table, where its type allows that."""
    if examples := _examples().get(column):
        return examples[number % len(examples)]
    kind = column.type
    length = getattr(kind, "length", None)
    match kind.impl_instance if isinstance(kind, sa.TypeDecorator) else kind:
        case sa.Enum() as choice:
            return choice.enums[0]
        case sa.String():
            return words.text(length)
        case sa.Uuid():
            return uuid4()
        case sa.Boolean():
            return False
        case sa.Integer() | sa.Numeric():
            return number + 1
        case sa.Date():
            return utcnow().date() - timedelta(days=number)
        case sa.DateTime():
            return utcnow()
        case sa.Interval():
            return timedelta(days=number + 1)
        case sa.LargeBinary():
            return uuid4().bytes
        case JSONB() | sa.JSON():
            return [words.text(None)]
        case sa.ARRAY():
            return []
    assert column.nullable, f"{column}: give its field `examples`, this test has no {kind!r}"
    return None


def _examples() -> "dict[sa.Column[Any], list[Any]]":
    found = {}
    mapper: Mapper[Any]
    for mapper in default_registry.mappers:
        if issubclass(mapper.class_, SQLModel):
            for name, field in mapper.class_.model_fields.items():
                if field.examples:
                    found[mapper.columns[name]] = field.examples
    return found
