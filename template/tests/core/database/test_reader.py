"""The reader gives what SQLAlchemy gives, and gives its connections back in a good state."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy import Executable
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlmodel.sql.sqltypes import UTCDateTime

from app.core.database import Database, async_engine
from app.core.database.engines import process_engine
from app.core.database.models import SCHEMA, text_enum
from app.core.features import load_models
from app.core.settings import get_settings

NOW = datetime(2026, 2, 28, 23, 59, 59, 999_999, timezone(timedelta(hours=5, minutes=45)))
KEY = UUID("0190a6b4-0000-7000-8000-000000000001")


class Colour(StrEnum):
    RED = "red"


COLOUR = text_enum(Colour, "colour")

# A type and a value of it, for every kind of column that a project may have.
VALUES: list[tuple[Any, Any]] = [
    (sa.Text(), "Grüße 😀 %_\\'\""),
    (sa.String(20), ""),
    (sa.Integer(), -(2**31)),
    (sa.BigInteger(), 2**63 - 1),
    (sa.SmallInteger(), 7),
    (sa.Boolean(), True),
    (sa.Uuid(), KEY),
    (UTCDateTime(), NOW),
    (sa.DateTime(timezone=True), NOW),
    (sa.DateTime(), NOW.replace(tzinfo=None)),
    (sa.Date(), date(1, 1, 1)),
    (sa.Time(), time(23, 59)),
    (sa.Interval(), timedelta(days=400, microseconds=1)),
    (sa.Numeric(20, 6), Decimal("1234567890.123456")),
    (sa.Numeric(20, 6, asdecimal=False), 1.5),
    (sa.Float(), 0.1),
    (sa.LargeBinary(), b"\x00\xff"),
    (sa.JSON(), {"a": [1, None, "ü"], "b": {}}),
    (postgresql.JSONB(), {"a": [1, None, "ü"], "b": {}}),
    (postgresql.JSONB(), "text"),
    (sa.ARRAY(sa.Text()), ["a", "", None]),
    (sa.ARRAY(sa.Uuid()), [KEY]),
    (COLOUR, Colour.RED),
    (sa.Enum(Colour, native_enum=False), Colour.RED),
    (postgresql.INET(), ip_address("10.0.0.1")),
    (postgresql.INT4RANGE(), postgresql.Range(1, 5)),
]


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    """A database with one connection, which the tests can name."""
    settings = get_settings().model_copy(update={"db_pool_size": 1, "db_max_overflow": 0})
    database = Database(async_engine(settings))
    yield database
    await database.close()


async def backend(database: Database) -> int:
    """The process of the server that serves the connection."""
    ((row),) = await database.reader.rows(sa.text("SELECT pg_backend_pid() AS pid"))
    return int(row["pid"])


async def by_sqlalchemy(
    database: Database, statement: Executable, values: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The rows of a statement that SQLAlchemy executes."""

    def execute(connection: sa.Connection) -> list[dict[str, Any]]:
        return [dict(row) for row in connection.execute(statement, values).mappings()]

    return await database.reader.run(execute)


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=lambda each: str(each)[:20])
async def test_values_come_back_as_sqlalchemy_gives_them(
    database: Database, kind: Any, value: Any
) -> None:
    statement = sa.select(
        sa.cast(sa.bindparam("value", type_=kind), kind).label("value"),
        sa.cast(sa.null(), kind).label("nothing"),
    )
    expected = await by_sqlalchemy(database, statement, {"value": value})
    for _ in range(2):  # compiled, then kept
        rows = await database.reader.rows(statement, {"value": value})
        assert rows == expected
        assert [*map(type, rows[0].values())] == [*map(type, expected[0].values())]
        assert rows[0]["nothing"] is None
    if isinstance(value, datetime) and value.tzinfo:
        assert rows[0]["value"].utcoffset() == timedelta(0)


async def test_the_rows_of_every_table_are_those_of_sqlalchemy(database: Database) -> None:
    load_models()
    from app.core.database.models import metadata

    for table in metadata.sorted_tables:
        rows = await database.reader.rows(sa.select(table).limit(5))
        assert rows == await by_sqlalchemy(database, sa.select(table).limit(5)), table


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (sa.select(sa.literal(1).label("one"), sa.literal("x")), [1, "x"]),
        (sa.select(sa.literal(3).in_([1, 2, 3])), [True]),
        (sa.select(sa.func.max(sa.literal(Colour.RED, COLOUR))), [Colour.RED]),
        (sa.text("SELECT 1 AS a, 'ä:b' AS b"), [1, "ä:b"]),
        (sa.union_all(sa.select(sa.literal(NOW, UTCDateTime()))), [NOW]),
    ],
)
async def test_statements_of_every_form(
    database: Database, statement: Any, expected: list[Any]
) -> None:
    for _ in range(2):
        (row,) = await database.reader.rows(statement)
        assert list(row.values()) == expected


async def test_a_changing_value_is_read_at_each_execution(database: Database) -> None:
    letters = iter("ab")
    statement: sa.Select[Any] = sa.select(sa.bindparam("next", callable_=lambda: next(letters)))
    read = [[*row.values()] for _ in "ab" for row in await database.reader.rows(statement)]
    assert read == [["a"], ["b"]]


async def test_a_missing_value_is_an_error(database: Database) -> None:
    with pytest.raises(KeyError, match="wanted"):
        await database.reader.rows(sa.text("SELECT :wanted"))


async def test_a_refused_statement_leaves_the_connection_usable(database: Database) -> None:
    process = await backend(database)
    for wrong, state in (
        (sa.text("SELECT 1 / 0"), "22012"),
        (sa.text("SELECT * FROM nowhere"), "42P01"),
        (sa.select(sa.cast(sa.literal("a\0b"), sa.Text)), "22021"),
        (sa.select(sa.literal(2**40, sa.Integer())), "22000"),
    ):
        with pytest.raises(DBAPIError) as caught:
            await database.reader.rows(wrong)
        assert getattr(caught.value.orig, "sqlstate", None) == state
    assert await backend(database) == process


async def test_a_cancelled_read_gives_no_answer_to_the_next_one(database: Database) -> None:
    process = await backend(database)
    slow = asyncio.create_task(database.reader.rows(sa.text("SELECT pg_sleep(30), 'slow'")))
    await asyncio.sleep(0.2)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert await database.reader.rows(sa.text("SELECT 'next' AS is")) == [{"is": "next"}]
    assert await backend(database) != process


@pytest.mark.parametrize("steps", range(6))
async def test_a_connection_that_the_server_closed_is_replaced(
    database: Database, steps: int
) -> None:
    """The driver has a state of its own after each part of the server's farewell."""
    process = await backend(database)
    with process_engine().connect() as other:  # the event loop reads nothing meanwhile
        other.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": process})
    for _ in range(steps):
        await asyncio.sleep(0)
    with suppress(DBAPIError):  # the read during which the connection breaks
        await backend(database)
    assert await backend(database) != process


async def test_reads_wait_for_a_connection(database: Database) -> None:
    rows = await asyncio.gather(
        *(database.reader.rows(sa.text("SELECT CAST(:n AS int) AS n"), {"n": n}) for n in range(50))
    )
    assert [row["n"] for (row,) in rows] == list(range(50))


async def test_a_read_is_not_in_a_transaction(database: Database) -> None:
    statement = sa.text("SELECT pg_current_xact_id_if_assigned() AS xact, now() AS now")
    first, second = [(await database.reader.rows(statement))[0] for _ in range(2)]
    assert first["now"] < second["now"] <= datetime.now(UTC)


async def test_a_changed_table_is_read_with_its_new_columns(database: Database) -> None:
    statement = sa.text(f'SELECT * FROM "{SCHEMA}".reader_probe')
    async with database.session() as session:
        for ddl in ("CREATE TABLE {} AS SELECT 1 AS a", "ALTER TABLE {} ADD COLUMN b text"):
            connection = await session.connection()
            await connection.execute(sa.text(ddl.format(f'"{SCHEMA}".reader_probe')))
            await session.commit()
            seen = await database.reader.rows(statement)
        assert seen == [{"a": 1, "b": None}]
        connection = await session.connection()
        await connection.execute(sa.text(f'DROP TABLE "{SCHEMA}".reader_probe'))
        await session.commit()
