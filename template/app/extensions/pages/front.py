"""The page at `/` until a feature of yours has one there."""

from fastapi import Request
from starlette.responses import HTMLResponse

from app.extensions.pages.rendering import page


async def front_page(request: Request) -> HTMLResponse:
    """Say the name of the project, and link to the pages of the features."""
    return page(request, "front.html")
