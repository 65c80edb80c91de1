"""The page at `/`, with links to everything that a browser can open. Only for development.

A feature adds links with its `links.py`: `LINKS = {"Label": "/path"}`.
"""

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from app.core.features import load
from app.core.settings import PUBLIC_DEMO_KEYS, CoreSettings
from app.core.settings.core import LOOPBACK

STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 40rem; margin: 0 auto; padding: 2rem 1rem; overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 1.5rem; }
ul { margin: 1.5rem 0; padding: 0; list-style: none; }
a {
  display: flex; flex-wrap: wrap; gap: 0 1rem; justify-content: space-between;
  margin: 0.5rem 0; padding: 0.75rem 1rem; border: 1px solid GrayText; border-radius: 0.5rem;
  color: inherit; text-decoration: none;
}
a:hover, a:focus-visible { border-color: LinkText; outline: 1px solid LinkText; }
span, p { opacity: 0.75; }
"""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
<h1>{title}</h1>
<ul>
{links}
</ul>
<p>This page exists only if ENVIRONMENT is local.</p>
</html>
"""
LINK = '<li><a href="{address}">{label} <span>{address}</span></a></li>'

# The hash admits exactly this style element; nothing else may be loaded or run.
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
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
    page = PAGE.format(
        title=escape(settings.project_name),
        style=STYLE,
        links="\n".join(
            LINK.format(label=escape(label), address=escape(address)) for label, address in links
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
