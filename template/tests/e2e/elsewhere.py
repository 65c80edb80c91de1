"""A server of files, as a CDN: unknown paths get the page, with the headers of docs/frontend.md."""

import json
import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

BUILD = Path(os.environ["CDN_BUILD"])
FACTS = json.loads((BUILD / "policy.json").read_text("utf-8"))
SCRIPTS = " ".join(f"'{each}'" for each in FACTS["scripts"])
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src 'self' {SCRIPTS}; style-src 'self'; "
        "img-src 'self' data: blob:; font-src 'self'; "
        f"connect-src {os.environ['CDN_API']} {os.environ['SUPABASE_URL']}; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
}


async def answer(request: Request) -> Response:
    """A file of the build, or the page."""
    file = BUILD / "client" / request.url.path.removeprefix(FACTS["base"])
    if file.is_file():
        return FileResponse(file)
    return FileResponse(BUILD / "client/index.html", headers=HEADERS)


app = Starlette(routes=[Route("/{path:path}", answer)])
