"""Serves the preview while the API runs, in local environments only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.requests import Request
from starlette.routing import Route

from app.core.settings import get_settings
from app.extensions.email.catalog import catalog
from app.extensions.email.preview import POLICY, preview_page

PATH = "/dev/emails"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Add the page.

    Raises:
        FeatureError: the mails of a feature cannot be loaded.
    """
    catalog()
    if get_settings().environment != "local":
        yield
        return
    route = Route(PATH, preview)
    app.router.routes.append(route)
    yield
    app.router.routes.remove(route)


def preview(_: Request) -> HTMLResponse:
    """Return the page; a plain function, because it reads files."""
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(preview_page(), headers=headers)
