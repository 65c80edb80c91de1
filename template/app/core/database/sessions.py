"""Ways to use the database: a reader, a session of a request, a session of a task."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.engines import process_engine
from app.core.database.reader import Reader


class _Session(AsyncSession):
    async def __aexit__(self, *error: Any) -> None:
        # Without a transaction it holds no connection. The base class starts a task for closing.
        if self.in_transaction():
            await super().__aexit__(*error)
        else:
            self.sync_session.close()


class Database:
    """The engine of one API process and the two ways to use it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.reader = Reader(engine)

    def session(self) -> AsyncSession:
        """Return a session for a unit of work; the service commits it, closing rolls back."""
        return _Session(self.engine, expire_on_commit=False)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def database_of(request: Request) -> Database:
    """Return the database of the running API; tests replace `app.state.database`."""
    database: Database = request.app.state.database
    return database


async def _session(request: Request) -> AsyncIterator[AsyncSession]:
    async with database_of(request).session() as session:
        yield session


async def _reader(request: Request) -> Reader:
    return database_of(request).reader


# The session ends before the response is sent: no commit can fail after a 200, and a slow client
# holds no connection.
DatabaseSession = Annotated[AsyncSession, Depends(_session, scope="function")]
DatabaseReader = Annotated[Reader, Depends(_reader)]


@contextmanager
def sync_session() -> Iterator[Session]:
    """A session for tasks and the command line; the caller commits, an exception rolls back."""
    with Session(process_engine(), expire_on_commit=False) as session:
        yield session
