"""The statements that requests run in the test's transaction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection


@asynccontextmanager
async def collected(connection: AsyncConnection) -> AsyncIterator[list[str]]:
    """Collect statements: SQLAlchemy knows those of sessions, the driver those of the reader."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    engine = connection.engine.sync_engine
    found: list[str] = []

    def from_session(_conn: Any, _cursor: Any, sql: str, *_: object) -> None:
        # Those of the tests' own transaction do not count.
        if "SAVEPOINT" not in sql and "SET LOCAL ROLE" not in sql:
            found.append(sql)

    def from_reader(record: Any) -> None:
        found.append(record.query)

    await asyncio.sleep(0)  # the driver calls loggers in the next turn of the loop
    event.listen(engine, "before_cursor_execute", from_session)
    driver.add_query_logger(from_reader)
    try:
        yield found
        await asyncio.sleep(0)
    finally:
        driver.remove_query_logger(from_reader)
        event.remove(engine, "before_cursor_execute", from_session)
