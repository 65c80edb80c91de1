"""What every table shares: one metadata in the private schema, and the mixins for its columns."""

from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Enum, MetaData
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

from app.core.settings import BootSettings, load_settings

# Read at import: a table is bound to its schema when its class is made.
SCHEMA = load_settings(BootSettings).db_schema

# Alembic can only alter or drop a constraint that has a name, and the name must be predictable.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# Begins the names of indexes that a feature makes while it runs, of which there may be any
# number: no table of ours knows them, and a comparison with the database leaves them alone.
RUNTIME_INDEX = "rt_"

metadata = MetaData(schema=SCHEMA, naming_convention=NAMING_CONVENTION)


def utcnow() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)


def text_enum(kind: type[StrEnum], name: str) -> Enum:
    """A text column with a check: unlike a Postgres enum, it can lose a value in a migration."""
    return Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=20,
        values_callable=lambda members: [member.value for member in members],
    )


class Model(SQLModel):
    """Base of all tables; set `table=True` and `__tablename__`, the feature's name in front."""

    metadata = metadata


class UUIDKey(SQLModel):
    """Primary key `id`: UUIDv7, which sorts by time of creation and keeps indexes compact."""

    id: UUID = Field(default_factory=uuid7, primary_key=True)


class Timestamps(SQLModel):
    """`created_at` and `updated_at`, aware, set in Python so that nothing is read back."""

    created_at: datetime = Field(default_factory=utcnow)
    updated_at: datetime = Field(default_factory=utcnow, sa_column_kwargs={"onupdate": utcnow})
