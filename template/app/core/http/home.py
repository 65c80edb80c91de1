"""The page at `/`, with links to everything that a browser can open. Only for development.

A feature adds links with its `links.py`: `LINKS = {"Label": "/path"}`.
"""

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from app.core.features import load
from app.core.settings import PUBLIC_DEMO_KEYS, CoreSettings
from app.core.settings.core import LOOPBACK

_HERE = Path(__file__).parent
_STYLE = (_HERE / "home.css").read_text()
_PAGE = Template((_HERE / "home.html").read_text())
_LINK = Template('<li><a href="$address">$label <span>$address</span></a></li>')

# The hash admits exactly this style element; nothing else may be loaded or run.
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add_home(app: FastAPI, settings: CoreSettings) -> None:
    """Serve the page if the environment is local; elsewhere `/` stays a 404.

    Raises:
        FeatureError: the links of a feature cannot be loaded.
    """
    links = list(_links(settings))
    if settings.environment != "local":
        return
    page = _PAGE.substitute(
        title=escape(settings.project_name),
        style=_STYLE,
        links="\n".join(
            _LINK.substitute(label=escape(label), address=escape(address))
            for label, address in links
        ),
    )

    async def home() -> HTMLResponse:
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
        return HTMLResponse(page, headers=headers)

    app.add_api_route("/", home, methods=["GET", "HEAD"], include_in_schema=False)


def _links(settings: CoreSettings) -> Iterator[tuple[str, str]]:
    if settings.docs_enabled:
        yield "API documentation (Swagger UI)", "/docs"
        yield "API documentation (Scalar)", "/scalar"
    for _, links in load("links"):
        yield from links.items()
    # Only the local Supabase of `app dev` serves these pages. The stack of the Supabase CLI, which
    # does not, is recognized by its published key.
    is_cli_stack = settings.supabase_publishable_key in PUBLIC_DEMO_KEYS
    if urlsplit(settings.supabase_url).hostname in LOOPBACK and not is_cli_stack:
        address = settings.supabase_url.rstrip("/")
        yield "Sign in (local Supabase)", f"{address}/"
        yield "Mails (local Supabase)", f"{address}/mails"
    yield "Health of the services", "/health/ready"
