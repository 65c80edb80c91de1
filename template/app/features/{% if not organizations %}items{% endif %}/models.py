"""Tables of this feature."""

from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from app.core.database.models import SCHEMA, Model, Timestamps, UUIDKey


class Item(UUIDKey, Timestamps, Model, table=True):
    """An item of one user."""

    __tablename__ = "items"
    # Every list reads the rows of one owner in the order of time.
    __table_args__ = (Index("ix_items_owner_id_created_at", "owner_id", "created_at"),)

    owner_id: UUID = Field(foreign_key=f"{SCHEMA}.users.id", ondelete="CASCADE")
    title: str = Field(max_length=200)
    notes: str | None = Field(default=None, max_length=10_000)
    done: bool = Field(default=False)
