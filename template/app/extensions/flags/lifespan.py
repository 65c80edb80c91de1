"""Checks the flags that routes name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.extensions.flags.deps import NAMED
from app.extensions.flags.service.declarations import declaration


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Fail the start if a route names a flag that no feature declares."""
    for name in sorted(NAMED):
        declaration(name)
    yield
