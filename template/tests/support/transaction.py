"""The API inside one transaction, so that a test is rolled back with all its requests."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from asyncpg import Record
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Database, Reader, Result


def session_inside(connection: AsyncConnection) -> AsyncSession:
    """A session in the connection's transaction: its commits only release a savepoint."""
    return AsyncSession(
        connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
    )


class TransactionReader(Reader):
    """Reads inside the transaction of one connection, one after the other."""

    def __init__(self, engine: AsyncEngine, connection: AsyncConnection) -> None:
        super().__init__(engine)
        self._connection = connection
        self._lock = asyncio.Lock()

    async def run(self, work: Callable[[Connection], Result]) -> Result:
        async with self._lock:
            return await self._connection.run_sync(work)

    async def fetch(self, sql: str, arguments: Sequence[Any]) -> list[Record]:
        async with self._lock:
            pooled = await self._connection.get_raw_connection()
            assert pooled.driver_connection
            records: list[Record] = await pooled.driver_connection.fetch(sql, *arguments)
            return records


class TransactionDatabase(Database):
    """Gives every request a session and a reader inside the transaction of one connection."""

    def __init__(self, engine: AsyncEngine, connection: AsyncConnection) -> None:
        super().__init__(engine)
        self._connection = connection
        self.reader = TransactionReader(engine, connection)

    def session(self) -> AsyncSession:
        session = session_inside(self._connection)
        event.listen(session.sync_session, "after_transaction_end", self._reset_role)
        return session

    def _reset_role(self, _: Session, ended: SessionTransaction) -> None:
        # A role that a request takes lasts until its transaction ends, which is the test's here.
        if ended.parent is None and self._connection.sync_connection is not None:
            self._connection.sync_connection.execute(text("SET LOCAL ROLE NONE"))
