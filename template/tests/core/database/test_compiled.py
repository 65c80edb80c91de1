"""Statements that the driver executes do in a session what SQLAlchemy's own execution does."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import execute, process_engine, write
from app.core.database.compiled import after_change
from app.core.tasks.models import TaskRecord, TaskState, tasks
from tests.core.database.test_reader import VALUES

KINDS = sa.Table(
    "kinds",
    sa.MetaData(),
    *(sa.Column(f"column_{place}", kind) for place, (kind, _) in enumerate(VALUES)),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)
ADD = (
    sa.insert(KINDS)
    .values({column.name: sa.bindparam(column.name, type_=column.type) for column in KINDS.c})
    .returning(*(c for c in KINDS.c if not isinstance(c.type, sa.Numeric | sa.Float)))
)
ADD_TASK = (
    sa.insert(tasks)
    .values(
        {
            name: sa.bindparam(name, type_=tasks.c[name].type)
            for name in ("id", "name", "arguments", "state", "result", "created_at", "owner_id")
        }
        | {"deliveries": 0, "attempts": 0, "cancel_requested": False}
        | {"headers": {}, "history": []}
    )
    .returning(tasks)
)
TEXT = some.text(some.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50)
JSON = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**53), 2**53) | TEXT,
    lambda inside: some.lists(inside, max_size=3) | some.dictionaries(TEXT, inside, max_size=3),
    max_leaves=5,
)


def task(**values: Any) -> dict[str, Any]:
    """Values of ADD_TASK."""
    defaults = {"id": uuid4(), "name": "probe.none", "arguments": {}, "state": TaskState.PENDING}
    others = {"result": None, "created_at": datetime.now(UTC), "owner_id": None}
    return defaults | others | values


@pytest.fixture(params=["asyncpg", "psycopg"])
def driver(request: pytest.FixtureRequest) -> str:
    """The driver that executes."""
    return str(request.param)


@pytest.fixture
def sync_connection() -> Iterator[sa.Connection]:
    """A connection of psycopg whose transaction is rolled back."""
    with process_engine().connect() as connection:
        yield connection


async def test_every_type_is_stored_and_returned_as_by_sqlalchemy(
    session: AsyncSession, sync_connection: sa.Connection, driver: str
) -> None:
    def both(connection: sa.Connection) -> None:
        KINDS.create(connection)
        for values in (
            {f"column_{place}": value for place, (_, value) in enumerate(VALUES)},
            dict.fromkeys(KINDS.c.keys()),
        ):
            (row,) = execute(connection, ADD, values)
            expected = dict(connection.execute(ADD, values).mappings().one())
            assert row == expected
            assert [*map(type, row.values())] == [*map(type, expected.values())]
            stored = sa.text("SELECT kinds::text AS stored FROM kinds")
            assert len({each["stored"] for each in execute(connection, stored)}) == 1
            execute(connection, sa.delete(KINDS))
        KINDS.drop(connection)

    if driver == "asyncpg":
        await session.run_sync(lambda inner: both(inner.connection()))
    else:
        both(sync_connection)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    values=some.fixed_dictionaries(
        {
            "name": TEXT,
            "arguments": some.dictionaries(TEXT, JSON, max_size=3),
            "state": some.sampled_from(TaskState),
            "result": JSON,
            "created_at": some.datetimes(timezones=some.timezones()).filter(
                lambda moment: 1 < moment.year < 9999
            ),
            "owner_id": some.none() | some.uuids(),
        }
    )
)
def test_any_value_is_stored_and_returned_as_by_sqlalchemy(values: dict[str, Any]) -> None:
    with process_engine().connect() as connection:
        (row,) = execute(connection, ADD_TASK, task(**values))
        expected = connection.execute(ADD_TASK, task(**values)).mappings().one()
        ignored = {"id", "position"}
        assert {k: v for k, v in row.items() if k not in ignored} == {
            k: v for k, v in expected.items() if k not in ignored
        }
        assert isinstance(row["state"], TaskState)


async def test_pending_objects_are_written_before(session: AsyncSession) -> None:
    record = TaskRecord(name="probe.pending", arguments={})
    session.add(record)
    change = sa.update(tasks).where(tasks.c.id == record.id).values(name="probe.changed")
    (row,) = await write(session, change.returning(tasks.c.name))
    assert row == {"name": "probe.changed"}


async def test_a_savepoint_takes_the_row_back(session: AsyncSession) -> None:
    values = task()
    async with session.begin_nested() as savepoint:
        await write(session, ADD_TASK, values)
        await savepoint.rollback()
    assert await session.get(TaskRecord, values["id"]) is None


async def test_a_refused_row_is_the_error_of_sqlalchemy(session: AsyncSession) -> None:
    values = task()
    await write(session, ADD_TASK, values)

    async def refused(*, by_driver: bool) -> None:
        async with session.begin_nested():
            if by_driver:
                await write(session, ADD_TASK, values)
            else:
                await (await session.connection()).execute(ADD_TASK, values)

    errors = []
    for by_driver in (True, False):
        with pytest.raises(IntegrityError) as caught:
            await refused(by_driver=by_driver)
        errors.append(caught.value)
    assert type(errors[0].orig) is type(errors[1].orig)
    assert str(errors[0].orig) == str(errors[1].orig)
    assert errors[0].connection_invalidated is False
    assert values["name"] not in str(errors[0])
    # The transaction goes on.
    assert await session.get(TaskRecord, values["id"])


def test_a_closed_connection_is_given_up() -> None:
    with process_engine().connect() as connection, process_engine().connect() as other:
        (row,) = execute(connection, sa.text("SELECT pg_backend_pid() AS pid"))
        other.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), row)
        with pytest.raises(DBAPIError) as caught:
            execute(connection, sa.text("SELECT 1"))
        assert caught.value.connection_invalidated
        assert connection.invalidated


def test_other_errors_are_raised_as_they_are() -> None:
    with process_engine().connect() as connection, pytest.raises(KeyError, match="wanted"):
        execute(connection, sa.text("SELECT :wanted"))


def test_sqlalchemy_executes_what_cannot_be_compiled_once() -> None:
    letters = iter("ab")
    lettered = sa.Column("a", sa.Text, default=lambda: next(letters))
    made = sa.Table("made", sa.MetaData(), lettered, sa.Column("b", sa.Text))
    add = sa.insert(made).values(b=sa.bindparam("given")).returning(made)
    with process_engine().connect() as connection:
        connection.execute(sa.text("CREATE TEMPORARY TABLE made (a text, b text) ON COMMIT DROP"))
        added = [row for given in "xy" for row in execute(connection, add, {"given": given})]
        assert added == [{"a": "a", "b": "x"}, {"a": "b", "b": "y"}]
        assert execute(connection, sa.select(made.c.a).where(made.c.a.in_(["b"]))) == [{"a": "b"}]


def test_a_change_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    changed: list[str] = []
    monkeypatch.setattr(
        "app.core.database.compiled.after_change",
        [*after_change, lambda _, table: changed.append(table.name)],
    )
    with process_engine().connect() as connection:
        execute(connection, sa.select(tasks.c.id).limit(1))
        execute(connection, sa.update(tasks).values(reason="-").where(tasks.c.id == UUID(int=0)))
    assert changed == ["tasks"]


def test_placeholders_of_psycopg_are_not_mistaken_for_text() -> None:
    with process_engine().connect() as connection:
        assert execute(connection, sa.text("SELECT '50%' AS a, :b AS b"), {"b": "%(x)s"}) == [
            {"a": "50%", "b": "%(x)s"}
        ]
