"""Reads without a transaction, with SQL that is compiled once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from asyncpg import InterfaceError, InternalClientError, PostgresError, Record
from sqlalchemy import Connection, Dialect, Executable, Float, Numeric, SelectBase, TextClause
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.util import greenlet_spawn
from sqlmodel.sql.sqltypes import UTCDateTime

Result = TypeVar("Result")
Convert = Callable[[Any], Any]


class Compiled(NamedTuple):
    """The SQL of a statement, and the conversions between Python and the driver."""

    sql: str
    values: dict[str, Any]  # of the placeholders that have one in the statement
    # Name and conversion of each placeholder, in the order of `$1`, `$2` …
    arguments: list[tuple[str, Convert | None]]
    # Place and conversion of the columns that need one.
    columns: list[tuple[int, Convert]]


class Reader:
    """Reads with one round trip for each statement, and holds a connection only during a call.

    SQLAlchemy executes a statement three times as slowly as asyncpg fetches its rows, even when the
    SQL is cached. So SQLAlchemy compiles the statement and owns the connections, and asyncpg
    fetches. SQLAlchemy's events of cursors do not fire here.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        # None for the statements that SQLAlchemy has to execute.
        self._compiled: WeakKeyDictionary[Executable, Compiled | None] = WeakKeyDictionary()

    async def rows(
        self, statement: Executable, values: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Run a statement and return its rows as dictionaries by column, also those of an entity.

        A statement that is used again, such as a constant of a module, is compiled once.

        Raises:
            sqlalchemy.exc.DBAPIError: Postgres refuses the statement or a value, or ends the
                connection.
            KeyError: a placeholder has no value.
        """
        if statement not in self._compiled:
            self._compiled[statement] = _compile(statement, self.engine.dialect)
        compiled = self._compiled[statement]
        if compiled is None:
            return await self.run(
                lambda connection: [*map(dict, connection.execute(statement, values).mappings())]
            )
        given = {**compiled.values, **(values or {})}
        arguments = [
            convert(given[name]) if convert else given[name] for name, convert in compiled.arguments
        ]
        try:
            rows = [*map(dict, await self.fetch(compiled.sql, arguments))]
        except PostgresError as error:
            raise DBAPIError(compiled.sql, None, error) from error
        except (InterfaceError, InternalClientError) as error:  # the server closes the connection
            raise DBAPIError(compiled.sql, None, error, connection_invalidated=True) from error
        names = tuple(rows[0]) if rows else ()
        for place, convert in compiled.columns:
            for row in rows:
                row[names[place]] = convert(row[names[place]])
        return rows

    async def run(self, work: Callable[[Connection], Result]) -> Result:
        """Call `work` with a connection of SQLAlchemy and return its result."""

        def connected() -> Result:
            with self.engine.sync_engine.connect() as connection:
                # As an option of an engine, it would make every statement fire events.
                connection.execution_options(isolation_level="AUTOCOMMIT")
                return work(connection)

        return await greenlet_spawn(connected)

    async def fetch(self, sql: str, arguments: Sequence[Any]) -> list[Record]:
        """Run SQL with placeholders `$1`, `$2` … on a connection of the pool."""

        def fetched() -> list[Record]:
            connection = self.engine.sync_engine.raw_connection()
            try:
                records: list[Record] = connection.run_async(
                    lambda driver: driver.fetch(sql, *arguments)
                )
                return records
            except BaseException as error:
                if not isinstance(error, PostgresError):
                    connection.invalidate(error)  # cancelled or broken: nobody knows its state
                raise
            finally:
                connection.close()

        return await greenlet_spawn(fetched)


def _compile(statement: Executable, dialect: Dialect) -> Compiled | None:
    """Compile a statement, unless its SQL, its values or its types depend on the execution."""
    if not isinstance(statement, SelectBase | TextClause):
        return None
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    columns = [column.type for column in getattr(statement, "selected_columns", ())]
    if any(
        bind.expanding or bind.literal_execute or bind.callable for bind in compiled.binds.values()
    ) or any(isinstance(column, Numeric | Float) for column in columns):
        return None
    conversions = [
        (place, column.dialect_impl(dialect).result_processor(dialect, None))
        for place, column in enumerate(columns)
        if not isinstance(column, UTCDateTime)  # asyncpg's times are in UTC
    ]
    return Compiled(
        compiled.string,
        {name: bind.value for name, bind in compiled.binds.items() if not bind.required},
        [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or ()
        ],
        [(place, convert) for place, convert in conversions if convert],
    )
