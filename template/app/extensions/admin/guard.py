"""ASGI middleware around the whole site: its CSRF check, its cookies, its security headers."""

from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.extensions.sessions.service import csrf
from app.extensions.sessions.service.browser import add_cookies

# All content comes from this origin. Inline styles are allowed: SQLAdmin's scripts set them.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

# Given the request, a status, a code and a sentence.
ErrorPage = Callable[[Request, int, str, str], Awaitable[Response]]


class Guard:
    """Checks every request that changes something, and completes every response."""

    def __init__(self, app: ASGIApp, *, error: ErrorPage) -> None:
        self.app = app
        self.error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(MutableHeaders(scope=message), scope)
            await send(message)

        if request.method in csrf.SAFE_METHODS:
            await self.app(scope, receive, send_with_headers)
            return
        # The body is read first, because the application reads it again. The API's limit of its
        # size applies here as well.
        body = await request.body()
        if await csrf.is_genuine(request):
            await self.app(scope, _replay(body, receive), send_with_headers)
        else:
            response = await self.error(request, 403, "csrf_failed", csrf.REFUSAL)
            await response(scope, receive, send_with_headers)


def _add_headers(headers: MutableHeaders, scope: Scope) -> None:
    headers["Content-Security-Policy"] = POLICY
    headers["Referrer-Policy"] = "same-origin"
    if "/statics/" not in scope["path"]:
        headers["Cache-Control"] = "no-store"
        add_cookies(headers, scope)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that starts with a body that was already read."""
    replayed = False

    async def replay() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
