"""The database for commands that call the async services of the API."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.cli.errors import CliError, unreachable
from app.core.database import Database, Reader, async_engine
from app.core.settings import get_settings

Result = TypeVar("Result")


def with_session(work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
    """Run `work` with a new session and return its result.

    Raises:
        CliError: the database does not answer.
    """

    async def in_session(database: Database) -> Result:
        async with database.session() as session:
            return await work(session)

    return _with_database(in_session)


def with_reader(work: Callable[[Reader], Awaitable[Result]]) -> Result:
    """Run `work` with a reader and return its result.

    Raises:
        CliError: the database does not answer.
    """
    return _with_database(lambda database: work(database.reader))


def _with_database(work: Callable[[Database], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        database = Database(async_engine(get_settings()))
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except OSError as error:
        raise CliError(unreachable(error)) from error
