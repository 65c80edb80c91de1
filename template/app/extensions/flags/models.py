"""The tables: the state of flags, and users and groups for whom a flag is different."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, cast
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import class_mapper
from sqlmodel import Field

from app.core.database.models import Model, text_enum, utcnow

if TYPE_CHECKING:
    from sqlalchemy import Table


class Kind(StrEnum):
    """For whom a flag may be different."""

    USER = "user"
    GROUP = "group"


class FlagState(Model, table=True):
    """The state of a flag that somebody has set. Others have the default of their declaration."""

    __tablename__ = "flags_states"
    __table_args__ = (CheckConstraint("percentage BETWEEN 0 AND 100", name="percentage"),)

    name: str = Field(max_length=100, primary_key=True)
    # Off for everybody, whatever the rest says.
    killed: bool = False
    # Share of the users for whom it is on; null for the default.
    percentage: int | None = None
    updated_at: datetime = Field(default_factory=utcnow)


class FlagOverride(Model, table=True):
    """The value of a flag for one user or one group of users."""

    __tablename__ = "flags_overrides"

    name: str = Field(max_length=100, primary_key=True)
    kind: Kind = Field(primary_key=True, sa_type=text_enum(Kind, "kind"))
    # No foreign key: what a group is, another feature says.
    subject_id: UUID = Field(primary_key=True)
    value: bool
    updated_at: datetime = Field(default_factory=utcnow)


states = cast("Table", class_mapper(FlagState).local_table)
overrides = cast("Table", class_mapper(FlagOverride).local_table)
