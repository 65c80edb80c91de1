"""Pure ASGI middleware in two passes: one outside of CORS, and one inside of it.

Each further middleware costs every request a coroutine and a wrapper around `send`, so one class
does what others do in four. Hosts and bodies are checked here because Starlette's
`TrustedHostMiddleware` and `max_body_size` answer with plain text instead of a problem.
`TrustedHostMiddleware` also has no exception for health checks.
"""

import re
import time
from collections.abc import Callable, Sequence
from fnmatch import translate

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid4

from app.core import context
from app.core.features import extra_features, load
from app.core.http.error_handlers import report_request, unexpected_error
from app.core.http.problems import problem
from app.core.logging import access_log
from app.core.settings import CoreSettings

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
# An IPv6 address in brackets or another name, and a port.
HOST = re.compile(r"(?:\[([^\]]*)\]|([^:\[\]@/]*))(?::\d*)?")
# Probes use the IP address of a process.
PROBES = ("/health/live", "/health/ready")
NUL_DETAIL = "Addresses and headers may not contain NUL."
# Bytes of a body that are received although nobody reads them: when a connection is closed before
# its body has arrived, the client may lose the response.
SHORT_BODY = 65_536


class RequestContext:
    """Gives each request an id, refuses unknown hosts, adds headers, and writes one access line.

    An id in `X-Request-ID` is kept if it matches `REQUEST_ID`. Health checks may name any host.
    A security header that the route has set is kept.

    The middleware of `EXTRA_FEATURES` is directly inside of it. So a tool of a developer sees every
    request with its id, also those that CORS, `RequestGuard` or this class refuse.
    """

    def __init__(self, app: ASGIApp, settings: CoreSettings) -> None:
        self.app, self.unknown_host = app, _unknown_host
        for feature, kind in load("middleware"):
            if feature in extra_features():
                self.app, self.unknown_host = kind(self.app), kind(self.unknown_host)
        self.log = access_log(settings)
        self.hosts = re.compile("|".join(translate(h.lower()) for h in settings.allowed_hosts))
        headers = SECURITY_HEADERS | (STRICT_TRANSPORT if settings.online else {})
        self.headers = [(k.lower().encode(), v.encode()) for k, v in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        given = Headers(scope=scope)
        request_id = given.get("x-request-id", "")
        if not REQUEST_ID.fullmatch(request_id):
            request_id = uuid4().hex
        token = context.request_id.set(request_id)
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                present = {name for name, _ in headers}
                headers.extend(header for header in self.headers if header[0] not in present)
                headers.append((b"x-request-id", request_id.encode("ascii")))
            await send(message)

        app = self.app
        if not self.hosts.fullmatch(_host(given)) and scope["path"] not in PROBES:
            app = self.unknown_host
        try:
            await app(scope, receive, send_with_headers)
        finally:
            ms = round((time.perf_counter() - started) * 1000, 1)
            self.log(method=scope["method"], path=scope["path"], status=status, ms=ms)
            for variable in context.BOUND.values():
                variable.set(None)
            context.request_id.reset(token)


class RequestGuard:
    """Refuses NUL and large bodies, and answers unexpected errors with 500.

    Postgres cannot store the character NUL, and no path, query or header of the API has a use for
    it. `RequestModel` refuses it in bodies. A body that is too large is refused by its
    Content-Length, or while it is read. An error that leaves a long body unread closes the
    connection: otherwise the server would receive the rest of the body for nothing. A handler for
    `Exception` cannot answer unexpected errors: Starlette runs it outside of all middleware, so
    that its response has no request id, no security headers and no headers of CORS.

    Args:
        app: the application.
        settings: the limit of a body is one of them.
        renderers: middleware of features through which a refusal goes, as every other problem does.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: CoreSettings,
        renderers: Sequence[Callable[[ASGIApp], ASGIApp]] = (),
    ) -> None:
        self.app = app
        self.renderers = renderers
        self.prefix = settings.api_prefix
        self.limit = settings.max_body_bytes
        self.detail = f"The body has more than {self.limit} bytes."
        self.show_tracebacks = settings.show_tracebacks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        app, headers = self.app, Headers(scope=scope)
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self.limit:
            app = problem(413, "content_too_large", self.detail)
            for renderer in self.renderers:
                app = renderer(app)
        if scope["path"].startswith(self.prefix) and (
            "\0" in scope["path"]
            or b"%00" in scope["query_string"]
            or any(b"\0" in value for _, value in scope["headers"])
        ):
            app = problem(422, "nul_character", NUL_DETAIL)
        is_long = "transfer-encoding" in headers or (
            declared.isdecimal() and int(declared) > SHORT_BODY
        )
        size = 0
        is_read = started = False

        async def limited_receive() -> Message:
            nonlocal size, is_read
            message = await receive()
            size += len(message.get("body", b""))
            is_read = not message.get("more_body", False)
            if size > self.limit:
                # FastAPI replaces other exceptions that are raised while it reads a body.
                raise HTTPException(413, self.detail)
            return message

        async def watched_send(message: Message) -> None:
            nonlocal started
            is_error = not started and message.get("status", 0) >= 400
            if is_error and is_long and not is_read:
                message["headers"].append((b"connection", b"close"))
            started = True
            await send(message)

        try:
            await app(scope, limited_receive, watched_send)
        except ClientDisconnect:
            # Nobody reads this answer. It is for the access line, which would say 500 without it.
            if not started:
                await problem(400, "client_disconnected", "The body ended early.")(
                    scope, receive, send
                )
        except Exception as error:
            report_request(scope, error)
            if started or self.show_tracebacks:
                raise
            await unexpected_error(error)(scope, receive, watched_send)


async def _unknown_host(scope: Scope, receive: Receive, send: Send) -> None:
    detail = "This host is not in ALLOWED_HOSTS."
    response = problem(400, "unknown_host", detail, headers={"Connection": "close"})
    await response(scope, receive, send)


def _host(headers: Headers) -> str:
    """Return the name in the header Host, without the port; empty if it is malformed."""
    found = HOST.fullmatch(headers.get("host", "").lower())
    return (found[1] or found[2]) if found else ""
