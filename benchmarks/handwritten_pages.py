"""The page of items as the template answers it, written by hand with Starlette and asyncpg.

It renders the same Jinja templates with the same rows, for the session in Redis that the cookie
names, with the same headers, a token for each form, and a nonce. It remembers for five seconds that
the user may enter, as the template does. Not here: other pages, error pages, checks of the query, a
search, parts for htmx, and the replacement of expired tokens.

Run it as the API is run, in the folder of the project: `uvicorn handwritten_pages:app`.
"""

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from cachetools import TTLCache
from handwritten import PAGE, USER, Edge
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic_core import from_json
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

LIMIT = 20
IDLE_SECONDS = 20_160 * 60
APP = Path("app")
# Of two templates with the same name, the first is taken.
FOLDERS = [APP / kind for kind in ("features/items", "extensions/account", "extensions/pages")]
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"vary", b"HX-Request, HX-Request-Type"),
    (b"referrer-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
PATHS = {
    "account:show_account": "/account",
    "account:show_sign_in": "/account/sign-in",
    "items:complete_items": "/items/complete-all",
    "items:edit_item": "/items/{item_id}",
    "items:new_item": "/items/new",
    "items:show_items": "/items",
}
SIGNING_KEY = hmac.new(os.environ["SECRET_KEY"].encode(), b"sessions csrf", "sha256").digest()


@dataclass(frozen=True)
class Found:
    """A page of the list."""

    items: list[Any]
    total: int
    limit: int
    offset: int


async def show_items(request: Request) -> Response:
    """The first page of the visitor's items."""
    state, secret = request.app.state, request.cookies.get("session", "")
    key = f"app:session:{hashlib.sha256(secret.encode()).hexdigest()}"
    stored = await state.redis.getex(key, ex=IDLE_SECONDS)
    session = from_json(stored) if stored else None
    if session is None or session["expires_at"] < time.time():
        return RedirectResponse("/account/sign-in?next=%2Fitems", 303)
    visitor = UUID(session["user_id"])
    if visitor not in state.users:
        row = await state.pool.fetchrow(USER, visitor)
        if row is None or row["status"] != "approved":
            return Response(status_code=403)
        state.users[visitor] = True
    offset = int(request.query_params.get("offset", 0))
    rows = await state.pool.fetch(PAGE, visitor, LIMIT, offset)
    total = rows[0]["in_all"] if rows else 0
    request.state.session, request.state.csp_nonce = session, secrets.token_urlsafe(16)
    html = state.templates.get_template("items/list.html").render(
        request=request, found=Found(rows, total, LIMIT, offset), search="", values={}, errors={}
    )
    body = html.encode()
    response = Response()
    response.body = body
    policy = POLICY.format(nonce=request.state.csp_nonce).encode()
    response.raw_headers = [
        (b"content-length", str(len(body)).encode()),
        (b"content-security-policy", policy),
        *HEADERS,
    ]
    return response


def templates() -> Environment:
    """The templates of the project, with what they call."""
    found = Environment(
        loader=FileSystemLoader([folder / "templates" for folder in FOLDERS]),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {
        "url_for": url_for,
        "origin": lambda request: str(request.base_url).rstrip("/"),
        "project_name": os.environ["PROJECT_NAME"],
        "navigation": {"Items": "items:show_items"},
        "csrf_field": "csrf_token",
        "csrf_token": csrf_token,
        "take_messages": lambda _request: [],
    }
    return found


def url_for(name: str, **values: Any) -> str:
    """The path of a page or a static file."""
    return STATIC[values["path"]] if name == "static" else PATHS[name].format(**values)


def csrf_token(request: Request) -> str:
    """The token for the forms of a browser."""
    return hmac.new(SIGNING_KEY, request.cookies["session"].encode(), "sha256").hexdigest()


def hashed(file: Path) -> str:
    """The path of a static file, with its hash."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    return f"/static/{file.stem}.{digest}{file.suffix}"


STATIC = {file.name: hashed(file) for folder in FOLDERS for file in (folder / "static").glob("*.*")}


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Open the pools."""

    async def keep(_connection: object) -> None: ...

    app.state.users = TTLCache[UUID, bool](10_000, ttl=5)
    app.state.templates = templates()
    dsn = os.environ["DATABASE_URL"]
    async with (
        asyncpg.create_pool(dsn, min_size=5, max_size=5, reset=keep) as app.state.pool,
        Redis.from_url(os.environ["REDIS_URL"]) as app.state.redis,
    ):
        yield


app = Starlette(routes=[Route("/items", show_items)], lifespan=lifespan)
app.add_middleware(Edge)
