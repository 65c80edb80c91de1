"""Gives the pool of the API to the metrics."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.extensions.metrics import pools


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Measure the pool while the API runs."""
    pools.engines = lambda: [app.state.database.engine.sync_engine]
    yield
    pools.engines = list
