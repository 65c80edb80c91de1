"""The base of all tables: metadata in the private schema, and mixins for common columns."""

from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Enum, MetaData
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

from app.core.settings import BootSettings, load_settings

# Read at import, because a table is bound to its schema when its class is defined.
SCHEMA = load_settings(BootSettings).db_schema

# Alembic can only alter or drop a constraint that has a name, and the name must be predictable.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# Prefix of indexes that a feature creates at run time, in any number. The models do not know them,
# so the comparison with the database ignores them.
RUNTIME_INDEX = "rt_"

metadata = MetaData(schema=SCHEMA, naming_convention=NAMING_CONVENTION)


def utcnow() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def text_enum(kind: type[StrEnum], name: str) -> Enum:
    """Return a text column type with a check; a migration can remove a value, unlike in an enum."""
    return Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=20,
        values_callable=lambda members: [member.value for member in members],
    )


class Model(SQLModel):
    """Base of all tables; set `table=True` and a `__tablename__` that starts with the feature."""

    metadata = metadata


class UUIDKey(SQLModel):
    """Primary key `id`: UUIDv7, which sorts by time of creation and keeps indexes compact."""

    id: UUID = Field(default_factory=uuid7, primary_key=True)


class Timestamps(SQLModel):
    """`created_at` and `updated_at`, aware; set in Python, so that an INSERT returns nothing."""

    created_at: datetime = Field(default_factory=utcnow)
    updated_at: datetime = Field(default_factory=utcnow, sa_column_kwargs={"onupdate": utcnow})
