"""Reads without a transaction, with SQL that is compiled once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from asyncpg import InterfaceError, InternalClientError, PostgresError, Record
from sqlalchemy import Connection, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from app.core.database.compiled import compiled, execute

Result = TypeVar("Result")


class Reader:
    """Reads with one round trip for each statement, and holds a connection only during a call.

    See `compiled`. asyncpg fetches the rows three times as fast as SQLAlchemy executes a statement.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

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
        ready = compiled(statement, self.engine.dialect)
        if ready is None:
            return await self.run(lambda connection: execute(connection, statement, values))
        arguments = ready.convert_arguments(values)
        try:
            rows = [*map(dict, await self.fetch(ready.sql, arguments))]
        except PostgresError as error:
            raise DBAPIError(ready.sql, None, error) from error
        except (InterfaceError, InternalClientError) as error:  # the server closes the connection
            raise DBAPIError(ready.sql, None, error, connection_invalidated=True) from error
        ready.convert_rows(rows)
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
