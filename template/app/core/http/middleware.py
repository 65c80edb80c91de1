"""Pure ASGI middleware, outermost first: request log, allowed hosts, security headers, body limit.

`AllowedHosts` and `BodyLimit` are written here because Starlette's `TrustedHostMiddleware` and
`max_body_size` answer with plain text instead of a problem. `TrustedHostMiddleware` also has no
exception for health checks.
"""

import re
import time
from collections.abc import Iterable
from fnmatch import translate

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid4

from app.core import context
from app.core.http.problems import problem
from app.core.logging import get_logger

# A request id from a client or a proxy. Each log line contains it, so other characters could forge
# log lines.
REQUEST_ID = re.compile("[A-Za-z0-9-]{8,64}")

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # The API returns data. Browsers must not run, frame or load anything from it.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
STRICT_TRANSPORT = {"Strict-Transport-Security": "max-age=63072000; includeSubDomains"}

log = get_logger("app.access")


class RequestLog:
    """Gives each request an id, adds it to the logs and the response, and writes one access line.

    An id in `X-Request-ID` is kept if it matches `REQUEST_ID`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = Headers(scope=scope).get("x-request-id", "")
        if not REQUEST_ID.fullmatch(request_id):
            request_id = uuid4().hex
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
    """Refuses requests for other hosts, except health checks: probes use the IP address."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app = app
        self.allowed = re.compile("|".join(translate(host.lower()) for host in hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and not self.allowed.fullmatch(_host(scope))
            and not scope["path"].startswith("/health/")
        ):
            answer = problem(400, "unknown_host", "This host is not in ALLOWED_HOSTS.")
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)


class SecurityHeaders:
    """Adds `SECURITY_HEADERS` to each response, except headers that the route has set."""

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
    """Refuses bodies of more than `limit` bytes, by Content-Length or while they are read."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit
        self.detail = f"The body has more than {limit} bytes."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self.limit:
            await problem(413, "content_too_large", self.detail)(scope, receive, send)
            return
        size = 0

        async def limited_receive() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.limit:
                # FastAPI replaces other exceptions that are raised while it reads a body.
                raise HTTPException(413, self.detail)
            return message

        await self.app(scope, limited_receive, send)


def _host(scope: Scope) -> str:
    host = Headers(scope=scope).get("host", "").lower()
    return host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]
