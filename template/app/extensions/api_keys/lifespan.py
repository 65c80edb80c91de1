"""Writes the uses of keys while the API runs, and the last ones when it stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from app.core.settings import load_settings
from app.extensions.api_keys import uses
from app.extensions.api_keys.settings import ApiKeySettings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Write every API_KEYS_LAST_USED_SECONDS."""
    seconds = load_settings(ApiKeySettings).last_used_seconds
    database, noted = app.state.database, uses.current

    async def write_regularly() -> None:
        while True:
            await asyncio.sleep(seconds)
            await noted.write(database)

    writing = asyncio.create_task(write_regularly())
    yield
    writing.cancel()
    with suppress(asyncio.CancelledError):
        await writing
    await noted.write(database)
