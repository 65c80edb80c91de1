"""SQL that SQLAlchemy compiles once and a driver executes, also in the transaction of a session.

SQLAlchemy needs longer to execute a statement than its driver, even when the SQL is cached, and the
unit of work of a session takes longer still. So SQLAlchemy compiles the statement and owns the
connections and the transactions, and the driver executes. Events of cursors do not fire.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import (
    Connection,
    Dialect,
    Executable,
    Float,
    Numeric,
    SelectBase,
    Table,
    TextClause,
    UpdateBase,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlmodel.sql.sqltypes import UTCDateTime

Convert = Callable[[Any], Any]
Key = TypeVar("Key")

# Called with the connection and the table of each change that is executed here.
after_change: list[Callable[[Connection, Table], None]] = []


class Compiled(NamedTuple):
    """The SQL of a statement, and the conversions between Python and the driver."""

    sql: str
    values: dict[str, Any]  # of the placeholders that have one in the statement
    # Name and conversion of each placeholder; for asyncpg in the order of `$1`, `$2` …
    arguments: list[tuple[str, Convert | None]]
    # Place and conversion of the columns that need one.
    columns: list[tuple[int, Convert]]

    def convert_arguments(self, values: Mapping[str, Any] | None) -> list[Any]:
        """Return what the driver takes, in the order of `arguments`.

        Raises:
            KeyError: a placeholder has no value.
        """
        given = {**self.values, **(values or {})}
        return [
            convert(given[name]) if convert else given[name] for name, convert in self.arguments
        ]

    def convert_rows(self, rows: Sequence[dict[Key, Any]]) -> None:
        """Convert the values of the driver in place."""
        for place, convert in self.columns if rows else ():
            key = tuple(rows[0])[place]
            for row in rows:
                row[key] = convert(row[key])


# By driver; None for the statements that SQLAlchemy has to execute.
_compiled: WeakKeyDictionary[Executable, dict[str, Compiled | None]] = WeakKeyDictionary()


def compiled(statement: Executable, dialect: Dialect) -> Compiled | None:
    """Compile a statement, once if it is used again, such as a constant of a module.

    Return None if its SQL, its values or its types depend on the execution.
    """
    by_driver = _compiled.setdefault(statement, {})
    if dialect.driver not in by_driver:
        by_driver[dialect.driver] = _compile(statement, dialect)
    return by_driver[dialect.driver]


async def write(
    session: AsyncSession, statement: Executable, values: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Execute a statement in the transaction of a session; see `execute`."""
    return await session.run_sync(
        lambda inner: execute(inner.connection(), statement, values, session=inner)
    )


def execute(
    connection: Connection,
    statement: Executable,
    values: Mapping[str, Any] | None = None,
    *,
    session: Session | None = None,
) -> list[dict[str, Any]]:
    """Execute a statement and return its rows as dictionaries by column.

    What is pending in `session`, if it is given, is written before.

    Raises:
        sqlalchemy.exc.DBAPIError: Postgres refuses the statement or a value, or ends the
            connection.
        KeyError: a placeholder has no value.
    """
    if session:
        session.flush()
    ready = compiled(statement, connection.dialect)
    if ready is None:
        result = connection.execute(statement, values)
        return [dict(row) for row in result.mappings()] if result.returns_rows else []
    arguments: Any = ready.convert_arguments(values)
    if not connection.dialect.positional:
        arguments = dict(zip((name for name, _ in ready.arguments), arguments, strict=True))
    cursor = connection.connection.cursor()
    try:
        cursor.execute(ready.sql, arguments)
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()] if names else []
    except BaseException as error:
        if failure := _failure(connection, ready.sql, error):
            raise failure from error
        raise
    finally:
        cursor.close()
    ready.convert_rows(rows)
    if isinstance(statement, UpdateBase) and isinstance(statement.table, Table):
        for notice in after_change:
            notice(connection, statement.table)
    return rows


def _failure(connection: Connection, sql: str, error: BaseException) -> BaseException | None:
    """Return an error of the driver as SQLAlchemy raises it.

    A connection whose state is unknown is given up.
    """
    dialect = connection.dialect
    dbapi_error: Any = dialect.loaded_dbapi.Error
    known = isinstance(error, dbapi_error)
    broken = not isinstance(error, Exception) or (
        known and dialect.is_disconnect(error, connection.connection.dbapi_connection, None)  # type: ignore[arg-type]
    )
    if broken or type(error).__name__ == "InvalidCachedStatementError":
        # The statements that asyncpg has prepared are those of the tables before a migration.
        connection.invalidate(error)
    if not known:
        return None
    return DBAPIError.instance(
        sql,
        None,
        error,
        dbapi_error,
        hide_parameters=True,
        connection_invalidated=broken,
        dialect=dialect,
    )


def _compile(statement: Executable, dialect: Dialect) -> Compiled | None:
    if not isinstance(statement, SelectBase | TextClause | UpdateBase):
        return None
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    columns = [column.type for column in getattr(statement, "exported_columns", ())]
    if (
        any(
            bind.expanding or bind.literal_execute or bind.callable
            for bind in compiled.binds.values()
        )
        or any(isinstance(column, Numeric | Float) for column in columns)
        # Defaults of columns that are computed at each execution.
        or (isinstance(statement, UpdateBase) and compiled.prefetch)
    ):
        return None
    in_utc = UTCDateTime if dialect.driver == "asyncpg" else ()  # its times are in UTC
    conversions = [
        (place, column.dialect_impl(dialect).result_processor(dialect, None))
        for place, column in enumerate(columns)
        if not isinstance(column, in_utc)
    ]
    return Compiled(
        compiled.string,
        {name: bind.value for name, bind in compiled.binds.items() if not bind.required},
        [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or compiled.binds
        ],
        [(place, convert) for place, convert in conversions if convert],
    )
