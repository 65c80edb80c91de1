"""Pages of lists: by offset, with an optional total, and by keyset, for any depth."""

import base64
import binascii
import json
from datetime import datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import InvalidError
from app.core.http.schemas import ResponseModel

MAX_LIMIT = 100
# Postgres reads every row before the offset and discards it: longer lists use a keyset.
MAX_OFFSET = 10_000

Entry = TypeVar("Entry")


class OffsetQuery(BaseModel):
    """Query parameters of a list by offset; a list with filters extends it."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=20, ge=1, le=MAX_LIMIT, description="Entries on a page.")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Entries before the page.")
    total: bool = Field(default=True, description="Count all entries; false is faster.")


class OffsetPage(ResponseModel, Generic[Entry]):
    """A page by offset."""

    items: list[Entry]
    total: int | None = Field(description="Number of all entries, or null with total=false.")
    limit: int
    offset: int


class KeysetQuery(BaseModel):
    """Query parameters of a list by keyset; a list with filters extends it."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=20, ge=1, le=MAX_LIMIT, description="Entries on a page.")
    cursor: str | None = Field(
        default=None, max_length=200, description="`next_cursor` of the previous page."
    )


class KeysetPage(ResponseModel, Generic[Entry]):
    """A page by keyset, newest first."""

    items: list[Entry]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last page.")


Offset = Annotated[OffsetQuery, Query()]
Keyset = Annotated[KeysetQuery, Query()]


def encode_cursor(created_at: datetime, key: UUID) -> str:
    """Encode the position after an entry as an opaque text."""
    text = json.dumps([created_at.isoformat(), str(key)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Decode a cursor.

    Raises:
        InvalidError: `encode_cursor` did not write it.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        moment, key = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        created_at = datetime.fromisoformat(moment)
        if created_at.tzinfo is None:
            raise ValueError("naive time")
        return created_at, UUID(key)
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise InvalidError(
            "This is not a cursor of this list: send `next_cursor` exactly as it was received.",
            code="invalid_cursor",
        ) from error
