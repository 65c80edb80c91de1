"""`/robots.txt`, `/sitemap.xml`, and the progress of tasks.

A feature adds public pages to the sitemap with a function in its `pages.py`:
`async def sitemap(request: Request) -> list[str]` returns their paths.
"""

from xml.sax.saxutils import escape

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from app.core.features import load
from app.core.settings import get_settings
from app.extensions.pages import progress
from app.extensions.pages.addresses import address
from app.extensions.pages.rendering import origin

router = APIRouter()
router.routes.extend(progress.router.routes)


@router.get("/robots.txt")
async def robots(request: Request) -> Response:
    """Let crawlers read the pages in production only, and the API nowhere."""
    settings = get_settings()
    lines = ["User-agent: *", "Disallow: /"]
    if settings.environment == "production":
        sitemap_url = f"{origin(request)}{address(request, sitemap)}"
        lines = ["User-agent: *", f"Disallow: {settings.api_prefix}/", f"Sitemap: {sitemap_url}"]
    return PlainTextResponse("\n".join(lines) + "\n")


@router.get("/sitemap.xml")
async def sitemap(request: Request) -> Response:
    """List the public pages of all features."""
    paths = ["/"]
    for _, module in load("pages"):
        if module.__name__ != __name__ and hasattr(module, "sitemap"):
            paths += await module.sitemap(request)
    urls = "".join(f"<url><loc>{escape(origin(request) + path)}</loc></url>" for path in paths)
    text = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>{text}', media_type="application/xml")
