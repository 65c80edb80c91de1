"""Serves the site while the API runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Mount the site.

    Raises:
        FeatureError: the `admin.py` of a feature cannot be loaded.
    """
    # SQLAdmin is slow to import, and commands that import the API do not need the site.
    from app.extensions.admin.site import mount

    route = mount(app)
    app.router.routes.append(route)
    yield
    app.router.routes.remove(route)
