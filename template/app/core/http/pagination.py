"""Pages of lists: by offset, with an optional total, and by keyset, for any depth."""

import base64
from typing import Any, Generic, TypeVar

from pydantic import Field, TypeAdapter
from pydantic_core import to_json

from app.core.errors import InvalidError
from app.core.http.schemas import QueryModel, ResponseModel

MAX_LIMIT = 100
# Postgres reads every row before the offset and discards it: longer lists use a keyset.
MAX_OFFSET = 10_000

Entry = TypeVar("Entry")
Position = TypeVar("Position")


class OffsetQuery(QueryModel):
    """Query parameters of a list by offset; a list with filters extends it."""

    limit: int = Field(default=20, ge=1, le=MAX_LIMIT, description="Entries on a page.")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Entries before the page.")
    total: bool = Field(default=True, description="Count all entries; false is faster.")


class OffsetPage(ResponseModel, Generic[Entry]):
    """A page by offset."""

    items: list[Entry]
    total: int | None = Field(description="Number of all entries, or null with total=false.")
    limit: int
    offset: int


class KeysetQuery(QueryModel):
    """Query parameters of a list by keyset; a list with filters extends it."""

    limit: int = Field(default=20, ge=1, le=MAX_LIMIT, description="Entries on a page.")
    cursor: str | None = Field(
        default=None, max_length=200, description="`next_cursor` of the previous page."
    )


class KeysetPage(ResponseModel, Generic[Entry]):
    """A page by keyset, newest first."""

    items: list[Entry]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last page.")


def encode_cursor(position: tuple[Any, ...]) -> str:
    """Encode the position of an entry, after which the next page starts, as an opaque text."""
    return base64.urlsafe_b64encode(to_json(position)).decode().rstrip("=")


def decode_cursor(cursor: str, position: TypeAdapter[Position]) -> Position:
    """Decode a cursor to a position of this type.

    Raises:
        InvalidError: `encode_cursor` did not write it, or not for such a list.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        written = base64.urlsafe_b64decode(padded.encode("ascii"))
        return position.validate_json(written, strict=True)
    except ValueError as error:
        raise InvalidError(
            "This is not a cursor of this list: send `next_cursor` exactly as it was received.",
            code="invalid_cursor",
        ) from error
