"""A database session for commands that call the async services of the API."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.cli.errors import CliError, unreachable
from app.core.database import Database, async_engine
from app.core.settings import get_settings

Result = TypeVar("Result")


def with_session(work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
    """Run `work` with a new session and return its result.

    Raises:
        CliError: the database does not answer.
    """

    async def run() -> Result:
        database = Database(async_engine(get_settings()))
        try:
            async with database.session() as session:
                return await work(session)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except OSError as error:
        raise CliError(unreachable(error)) from error
