"""Cursors: what is written is read, and nothing else is."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app.core.errors import InvalidError
from app.core.http.pagination import decode_cursor, encode_cursor
from app.core.http.schemas import UtcDatetime

POSITION = TypeAdapter(tuple[UtcDatetime, UUID])

offsets = st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m)))
moments = st.datetimes(datetime(2, 1, 2), datetime(9998, 12, 30), timezones=offsets)  # noqa: DTZ001


def cursor(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(moments, st.uuids())
def test_a_cursor_is_read_as_it_was_written(moment: datetime, key: UUID) -> None:
    written = encode_cursor((moment, key))
    assert decode_cursor(written, POSITION) == (moment, key)
    # It goes into an address as it stands.
    assert written.isascii()
    assert written.replace("-", "").replace("_", "").isalnum()
    assert len(written) <= 200


@settings(max_examples=50)
@given(st.text(max_size=200) | st.text("ABCabc019-_=", max_size=200))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        decode_cursor(text, POSITION)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    )
)
def test_any_other_document_is_refused(document: object) -> None:
    with pytest.raises(InvalidError):
        decode_cursor(cursor(document), POSITION)


@pytest.mark.parametrize(
    "document",
    [
        [datetime(2026, 1, 1).isoformat(), str(UUID(int=1))],  # noqa: DTZ001  naive on purpose
        [datetime(2026, 1, 1, tzinfo=UTC).isoformat(), 7],
        [datetime(2026, 1, 1, tzinfo=UTC).isoformat(), "no uuid"],
        [datetime(2026, 1, 1, tzinfo=UTC).isoformat(), str(UUID(int=1)), 1],
        [1, str(UUID(int=1))],
        ["0001-01-01T00:00:00+23:59", str(UUID(int=1))],
        ["9999-12-31T23:59:59.999999-23:59", str(UUID(int=1))],
        "ab",
    ],
)
def test_a_document_that_is_nearly_right_is_refused(document: object) -> None:
    with pytest.raises(InvalidError) as caught:
        decode_cursor(cursor(document), POSITION)
    assert caught.value.code == "invalid_cursor"


def test_a_cursor_cut_short_is_refused() -> None:
    whole = encode_cursor((datetime.now(UTC), UUID(int=1)))
    for length in range(len(whole) - 2):
        with pytest.raises(InvalidError):
            decode_cursor(whole[:length], POSITION)
