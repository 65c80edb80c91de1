"""Lists: which rows a page holds, in which order, and by how many statements."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import Executable, desc
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Reader
from app.core.errors import InvalidError, NotFoundError
from app.core.http.lists import EVERYONE, Listing
from app.core.http.pagination import KeysetQuery, OffsetQuery
from app.core.http.schemas import ResponseModel
from app.core.tasks.models import TaskRecord, TaskState

START = datetime(2026, 1, 1, tzinfo=UTC)


class Row(ResponseModel):
    name: str
    attempts: int
    state: TaskState
    id: UUID
    created_at: datetime


class Sort(StrEnum):
    NEWEST = "newest"
    ATTEMPTS = "attempts"


class ByOffset(OffsetQuery):
    search: str | None = None
    state: TaskState | None = None
    since: datetime | None = None
    sort: Sort = Sort.NEWEST


class ByKeyset(KeysetQuery):
    search: str | None = None
    state: TaskState | None = None
    since: datetime | None = None


def listing(**options: Any) -> Listing[Row]:
    return Listing(
        TaskRecord,
        Row,
        search=[TaskRecord.name, TaskRecord.reason],
        filters={
            "state": TaskRecord.state,
            "since": lambda value: col(TaskRecord.created_at) >= value,
        },
        orders={Sort.NEWEST: desc(col(TaskRecord.created_at)), Sort.ATTEMPTS: TaskRecord.attempts},
        **options,
    )


OWN = listing(scope=TaskRecord.owner_id)


class CountingReader(Reader):
    """A reader that counts its statements."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.statements: list[Executable] = []

    async def rows(self, statement: Executable, values: Any = None) -> list[dict[str, Any]]:
        self.statements.append(statement)
        return await self.reader.rows(statement, values)


@pytest.fixture
def reader(app: FastAPI) -> CountingReader:
    return CountingReader(app.state.database.reader)


@pytest.fixture
async def owner(session: AsyncSession) -> UUID:
    """The owner of five rows, a to e in the order of time; other owners have one of each name.

    The ids are in the opposite order, so that no test passes by the order of the inserts.
    """
    owner, ids = uuid4(), uuid4().int & ~0xFF
    for number, name in enumerate("abcde"):
        for owner_id in (owner, uuid4()):
            record = TaskRecord(name=name, arguments={}, owner_id=owner_id, attempts=number // 2)
            if owner_id == owner:
                record.id = UUID(int=ids + 9 - number)
            record.created_at = START + timedelta(days=number)
            record.state = TaskState.FAILURE if name in "bd" else TaskState.SUCCESS
            record.reason = "100% of_it" if name == "c" else None
            session.add(record)
    await session.commit()
    return owner


async def names(reader: Reader, owner: UUID, **query: Any) -> tuple[list[str], int | None]:
    page = await OWN.page(reader, ByOffset(**query), owner_id=owner)
    return [row.name for row in page.items], page.total


async def test_a_page_holds_rows_of_the_scope_in_order_with_the_total(
    reader: CountingReader, owner: UUID
) -> None:
    assert await names(reader, owner) == (["e", "d", "c", "b", "a"], 5)
    assert await names(reader, owner, limit=2, offset=1) == (["d", "c"], 5)
    assert await names(reader, owner, total=False, limit=1) == (["e"], None)
    # Rows that are equal in the order are in the order of their ids.
    assert await names(reader, owner, sort=Sort.ATTEMPTS) == (["b", "a", "d", "c", "e"], 5)
    assert len(reader.statements) == 4


async def test_an_empty_page_has_the_total_by_a_second_statement(
    reader: CountingReader, owner: UUID
) -> None:
    assert await names(reader, owner, offset=5) == ([], 5)
    assert await names(reader, uuid4()) == ([], 0)
    assert len(reader.statements) == 4


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": TaskState.FAILURE}, ["d", "b"]),
        ({"since": START + timedelta(days=3)}, ["e", "d"]),
        ({"state": TaskState.FAILURE, "since": START + timedelta(days=3)}, ["d"]),
        ({"search": "B"}, ["b"]),
        ({"search": "100% OF_"}, ["c"]),
        ({"search": "%"}, ["c"]),
        ({"search": "_"}, ["c"]),
        ({"search": "x"}, []),
    ],
)
async def test_filters_and_the_search_narrow_page_and_total(
    reader: CountingReader, owner: UUID, query: dict[str, Any], found: list[str]
) -> None:
    assert await names(reader, owner, **query) == (found, len(found))
    page = await OWN.page(reader, ByKeyset(**query), owner_id=owner)
    assert [row.name for row in page.items] == found


async def test_a_keyset_walks_through_every_row_once(reader: CountingReader, owner: UUID) -> None:
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        query = ByKeyset(limit=2, cursor=cursor)
        page = await OWN.page(reader, query, owner_id=owner)
        seen += [row.name for row in page.items]
        cursor = page.next_cursor
    assert seen == ["e", "d", "c", "b", "a"]
    assert cursor is None


async def test_a_keyset_tells_rows_of_the_same_time_apart(
    reader: CountingReader, session: AsyncSession
) -> None:
    owner = uuid4()
    for name in "abc":
        session.add(TaskRecord(name=name, arguments={}, owner_id=owner, created_at=START))
    await session.commit()
    first = await OWN.page(reader, ByKeyset(limit=2), owner_id=owner)
    rest = await OWN.page(reader, ByKeyset(limit=2, cursor=first.next_cursor), owner_id=owner)
    assert [row.name for row in [*first.items, *rest.items]] == ["c", "b", "a"]


async def test_a_statement_is_built_once_for_each_combination(
    reader: CountingReader, owner: UUID
) -> None:
    for state in TaskState:
        await names(reader, owner, state=state, total=False)
    assert len({id(statement) for statement in reader.statements}) == 1
    await names(reader, owner, total=False)
    assert len({id(statement) for statement in reader.statements}) == 2


async def test_only_a_list_of_everyone_holds_the_rows_of_all(
    reader: CountingReader, owner: UUID
) -> None:
    page = await listing(scope=EVERYONE).page(reader, ByOffset())
    assert page.total == 10


async def test_the_scope_is_never_left_out(reader: CountingReader, owner: UUID) -> None:
    for scope in ({}, {"user_id": owner}, {"owner_id": owner, "state": "x"}, {"owner_id": None}):
        with pytest.raises(TypeError, match="owner_id"):
            await OWN.page(reader, ByOffset(), **scope)
    with pytest.raises(TypeError):
        await listing(scope=EVERYONE).page(reader, ByOffset(), owner_id=owner)
    assert reader.statements == []


def test_a_list_must_say_whose_rows_it_holds() -> None:
    for options in ({}, {"scope": None}):
        with pytest.raises(TypeError, match="scope"):
            listing(**options)


async def test_a_foreign_cursor_is_refused(reader: CountingReader, owner: UUID) -> None:
    with pytest.raises(InvalidError) as caught:
        await OWN.page(reader, ByKeyset(cursor="abc"), owner_id=owner)
    assert caught.value.code == "invalid_cursor"


def test_a_field_that_is_no_column_is_an_error_at_once() -> None:
    class Wrong(ResponseModel):
        title: str

    with pytest.raises(KeyError, match="title"):
        Listing(TaskRecord, Wrong, scope=EVERYONE)


async def test_one_row_is_read_within_the_scope(reader: CountingReader, owner: UUID) -> None:
    (row, *_) = (await OWN.page(reader, ByOffset(), owner_id=owner)).items
    assert await OWN.get(reader, row.id, owner_id=owner) == row
    for key, scope in ((row.id, uuid4()), (uuid4(), owner)):
        with pytest.raises(NotFoundError) as caught:
            await OWN.get(reader, key, owner_id=scope)
        assert caught.value.code == "task_record_not_found"
    with pytest.raises(TypeError):
        await OWN.get(reader, row.id)
