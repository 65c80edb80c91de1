"""Pure ASGI middleware, outermost first: request id and access log, hosts, headers, body limit."""

import time
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid4

from app.core import context
from app.core.http.problems import problem
from app.core.logging import get_logger

REQUEST_ID_HEADER = "X-Request-ID"

# Longest request id taken over from a client or proxy; it goes into every log line.
MAX_REQUEST_ID = 64

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # An API answers with data: nothing in it may be run, framed or loaded from.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
STRICT_TRANSPORT = {"Strict-Transport-Security": "max-age=63072000; includeSubDomains"}

log = get_logger("app.access")


class RequestLog:
    """Gives each request an id, binds it to the logs, answers with it, writes one line."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _client_request_id(scope) or uuid4().hex
        token = context.request_id.set(request_id)
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", request_id.encode("ascii")))
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                ms=round((time.perf_counter() - started) * 1000, 1),
            )
            context.request_id.reset(token)
            context.user_id.set(None)
            context.actor_id.set(None)


class AllowedHosts:
    """Refuses hosts that are not ours; probes ask by address, so health is open to any."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app = app
        names = [host.lower() for host in hosts]
        self.any = "*" in names
        self.exact = {name for name in names if not name.startswith("*")}
        self.suffixes = tuple(name[1:] for name in names if name.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and not self._allowed(_host(scope))
            and not scope["path"].startswith("/health/")
        ):
            answer = problem(400, "unknown_host", "This service does not answer to that host.")
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _allowed(self, host: str) -> bool:
        return self.any or host in self.exact or host.endswith(self.suffixes or ("\0",))


class SecurityHeaders:
    """Adds the headers that a browser needs to be strict; a route's own value wins."""

    def __init__(self, app: ASGIApp, *, strict_transport: bool) -> None:
        self.app = app
        headers = SECURITY_HEADERS | (STRICT_TRANSPORT if strict_transport else {})
        self.headers = [(k.lower().encode(), v.encode()) for k, v in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                message["headers"].extend(h for h in self.headers if h[0] not in present)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class BodyLimit:
    """Refuses bodies of more than `limit` bytes: at once if declared, else when they exceed it."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit
        self.detail = f"The body is above {limit} bytes."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self.limit:
            answer = problem(413, "content_too_large", self.detail)
            await answer(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.limit:
                # The one kind of error that FastAPI passes on from the reading of a body.
                raise HTTPException(413, self.detail)
            return message

        await self.app(scope, counted, send)


def _client_request_id(scope: Scope) -> str | None:
    value = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    # Anything else could forge log lines.
    good = 8 <= len(value) <= MAX_REQUEST_ID and value.replace("-", "").isalnum()
    return value if good and value.isascii() else None


def _host(scope: Scope) -> str:
    host = Headers(scope=scope).get("host", "").lower()
    return host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]
