"""Prepares the limits when the API starts, so that a wrong declaration fails the start."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.core.settings import load_settings
from app.extensions.limits.limiter import Limiter
from app.extensions.limits.settings import LimitSettings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Find the limit of each route.

    Raises:
        FeatureError: a limit is declared in a wrong way.
    """
    if load_settings(LimitSettings).enabled:
        app.state.limiter = Limiter(app)
    yield
