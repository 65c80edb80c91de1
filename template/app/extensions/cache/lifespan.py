"""Lets the cache use the connection of the API while it runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.extensions.cache.store import STORE_OF_PROCESS


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Use the connection of the API."""
    STORE_OF_PROCESS.use(app.state.redis)
    yield
    STORE_OF_PROCESS.use(None)
