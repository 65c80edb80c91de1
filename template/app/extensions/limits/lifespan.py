"""Prepares the limits when the API starts, so that a wrong declaration fails the start."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

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
    if not load_settings(LimitSettings).enabled:
        yield
        return
    app.state.limiter = limiter = Limiter(app)
    giving_back = asyncio.create_task(limiter.leases.run(limiter.redis))
    yield
    giving_back.cancel()
    with suppress(asyncio.CancelledError):
        await giving_back
