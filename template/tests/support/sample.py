"""Rows of the sample feature for tests of the template, whichever shape the sample has.

An item belongs to its owner, or to a row of another table that an option of the project adds.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Table, inspect
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.main import default_registry

from app.core.database.models import Model
from app.features.items.models import Item
from tests.support.factories import RowFactory

OF_USERS = "owner_id" in Item.model_fields


async def belongings(
    session: AsyncSession, user_id: UUID, model: type[Model] = Item
) -> dict[str, Any]:
    """Return the foreign keys that a row needs: the user, and new rows of all other tables."""
    keys: dict[str, Any] = {}
    for column in inspect(model).columns:
        for key in column.foreign_keys:
            if key.column.table.name == "users":
                keys[column.key] = user_id
            elif not column.nullable:
                keys[column.key] = await _parent(session, user_id, key.column.table)
    return keys


async def _parent(session: AsyncSession, user_id: UUID, table: Table) -> object:
    (model,) = (each.class_ for each in default_registry.mappers if each.local_table is table)
    row = RowFactory.create_factory(model).build(**await belongings(session, user_id, model))
    session.add(row)
    await session.flush()
    return row.id
