"""Request and response models of this feature."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from app.core.http.pagination import OffsetQuery
from app.core.http.schemas import PatchModel, RequestModel, ResponseModel


class ItemCreate(RequestModel):
    """A new item."""

    title: str = Field(min_length=1, max_length=200)
    notes: str | None = Field(default=None, max_length=10_000)


class ItemUpdate(PatchModel):
    """Changes of an item; a field that is not sent keeps its value."""

    title: str = Field(default="", min_length=1, max_length=200)
    notes: str | None = Field(default=None, max_length=10_000)
    done: bool = False


class ItemRead(ResponseModel):
    """An item in a response."""

    id: UUID
    title: str
    notes: str | None
    done: bool
    created_at: datetime
    updated_at: datetime


class ItemSort(StrEnum):
    """Orders of the list."""

    NEWEST = "newest"
    OLDEST = "oldest"
    TITLE = "title"


class ItemQuery(OffsetQuery):
    """Which items to list, and how."""

    search: str | None = Field(default=None, max_length=100, description="Part of the title.")
    done: bool | None = Field(default=None, description="Only finished or unfinished items.")
    sort: ItemSort = ItemSort.NEWEST
