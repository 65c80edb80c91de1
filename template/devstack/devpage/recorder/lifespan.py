"""Sends what the API knows about itself, when it has all its routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from devstack.devpage.recorder import facts


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Send it once; features may have added routes before."""
    facts.send(app)
    yield
