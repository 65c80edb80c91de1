"""The same four answers as the template's, written by hand with Starlette and asyncpg.

What a good engineer would write who wants nothing but these four routes to be fast: the same SQL
statements on a pool of the same size, the same verification of tokens (keys by JWKS, good ones
remembered), the same memory of users, the same headers, one JSON log line for each request. Not
here: other routes, filters and sorts, the check of the query string against a schema, error answers
in the house's shape, OpenAPI, pool modes. JSON is written by pydantic-core, the fastest
writer that a rendered project has installed, and needs no models.

Run it as the API is run: `uvicorn handwritten:app`, with the same environment.
"""

import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import jwt
from cachetools import LRUCache, TTLCache
from pydantic_core import from_json, to_json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils.compat import uuid7

SUPABASE = os.environ["SUPABASE_URL"]
HOSTS = {"localhost", "127.0.0.1"}
KEYS_TTL = 600.0  # seconds

TOTAL = "SELECT count(*) FROM app.items WHERE owner_id = $1"
PAGE = """
SELECT id, title, notes, done, created_at, updated_at,
       (SELECT count(*) FROM app.items WHERE owner_id = $1) AS in_all
FROM app.items WHERE owner_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3
"""
USER = """
SELECT id, email, display_name, role, status, banned_until, deleted_at, created_at, updated_at,
    machine
FROM app.users WHERE id = $1
"""

ITEM = """
SELECT id, title, notes, done, created_at, updated_at
FROM app.items WHERE id = $1 AND owner_id = $2
"""
NEW_ITEM = """
INSERT INTO app.items (id, owner_id, title, notes, done, created_at, updated_at)
VALUES ($1, $2, $3, $4, false, $5, $5)
RETURNING id, title, notes, done, created_at, updated_at
"""

HEADERS = [
    (b"content-type", b"application/json"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


class RefusedError(Exception):
    """The request has no good token."""


class Tokens:
    """Verifies access tokens, remembers the good ones."""

    def __init__(self) -> None:
        self.client = httpx.AsyncClient()
        self.keys: dict[str, jwt.PyJWK] = {}
        self.fetched = -KEYS_TTL
        self.seen: LRUCache[str, tuple[UUID, float]] = LRUCache(4096)

    async def user_id(self, request: Request) -> UUID:
        """Who sent the request."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise RefusedError
        if time.monotonic() - self.fetched > KEYS_TTL:
            await self.fetch()
        if (seen := self.seen.get(token)) and time.time() < seen[1]:
            return seen[0]
        try:
            key = self.keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(
                token,
                key,
                algorithms=["ES256"],
                audience="authenticated",
                issuer=f"{SUPABASE}/auth/v1",
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
        except (jwt.PyJWTError, KeyError) as error:
            raise RefusedError from error
        if claims.get("role") != "authenticated" or claims.get("is_anonymous"):
            raise RefusedError
        self.seen[token] = UUID(claims["sub"]), float(claims["exp"])
        return self.seen[token][0]

    async def fetch(self) -> None:
        """Replace the keys; tokens verified with the old ones are verified again."""
        answer = await self.client.get(f"{SUPABASE}/auth/v1/.well-known/jwks.json")
        keys = (jwt.PyJWK(key) for key in from_json(answer.content)["keys"])
        self.keys, self.fetched = {str(key.key_id): key for key in keys}, time.monotonic()
        self.seen.clear()


async def let_in(request: Request) -> UUID:
    """The caller, whose row says that he may enter; asked for at most every five seconds."""
    state = request.app.state
    user_id: UUID = await state.tokens.user_id(request)
    if user_id not in state.users:
        row = await state.pool.fetchrow(USER, user_id)
        if row is None or row["status"] != "approved":
            raise RefusedError
        state.users[user_id] = True
    return user_id


async def list_items(request: Request) -> Response:
    """A page of the caller's items, with the total."""
    owner = await let_in(request)
    limit = int(request.query_params.get("limit", 20))
    offset = int(request.query_params.get("offset", 0))
    pool = request.app.state.pool
    items = [dict(row) for row in await pool.fetch(PAGE, owner, limit, offset)]
    # An empty page carries no total.
    total = items[0]["in_all"] if items else await pool.fetchval(TOTAL, owner)
    for item in items:
        del item["in_all"]
    return answer({"items": items, "total": total, "limit": limit, "offset": offset})


async def read_item(request: Request) -> Response:
    """One item of the caller."""
    owner = await let_in(request)
    item_id = UUID(request.path_params["item_id"])
    row = await request.app.state.pool.fetchrow(ITEM, item_id, owner)
    return answer(dict(row)) if row else Response(status_code=404)


async def create_item(request: Request) -> Response:
    """Add an item for the caller, in a transaction."""
    owner = await let_in(request)
    item = from_json(await request.body())
    title, notes = item["title"].strip(), item.get("notes")
    if not 1 <= len(title) <= 200 or len(notes or "") > 10_000:
        return Response(status_code=422)
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(NEW_ITEM, uuid7(), owner, title, notes, datetime.now(UTC))
    return answer(dict(row), 201)


async def read_me(request: Request) -> Response:
    """The caller."""
    user_id = await let_in(request)
    return answer(dict(await request.app.state.pool.fetchrow(USER, user_id)))


def answer(content: dict[str, Any], status: int = 200) -> Response:
    """A JSON answer with the headers that a browser needs to be strict."""
    body = to_json(content)
    response = Response(status_code=status)
    response.body = body
    response.raw_headers = [(b"content-length", str(len(body)).encode()), *HEADERS]
    return response


async def refused(_request: Request, _error: Exception) -> Response:
    """401."""
    return Response(status_code=401)


class Edge:
    """Host check, request id and access log in one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if headers.get(b"host", b"").decode().partition(":")[0] not in HOSTS:
            await Response(status_code=400)(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = uuid4().hex
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", request_id.encode()))
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            line = {
                "event": "request",
                "level": "info",
                "timestamp": datetime.now(UTC),
                "request_id": request_id,
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "ms": round((time.perf_counter() - started) * 1000, 1),
            }
            sys.stderr.write(to_json(line).decode() + "\n")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Open the pool; nothing has to be reset between two reads."""

    async def keep(_connection: object) -> None: ...

    app.state.tokens = Tokens()
    app.state.users = TTLCache[UUID, bool](10_000, ttl=5)
    dsn = os.environ["DATABASE_URL"]
    async with asyncpg.create_pool(dsn, min_size=5, max_size=5, reset=keep) as app.state.pool:
        yield
    await app.state.tokens.client.aclose()


app = Starlette(
    routes=[
        Route("/api/v1/items", list_items),
        Route("/api/v1/items", create_item, methods=["POST"]),
        Route("/api/v1/items/{item_id}", read_item),
        Route("/api/v1/users/me", read_me),
    ],
    exception_handlers={RefusedError: refused},
    lifespan=lifespan,
)
app.add_middleware(Edge)
