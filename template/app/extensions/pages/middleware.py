"""Gives each page its Content Security Policy, and turns errors into pages for browsers."""

import json
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.http.error_handlers import report_request, unexpected_error
from app.core.http.problems import MEDIA_TYPE
from app.core.settings import get_settings
from app.extensions.pages.accept import prefers_html
from app.extensions.pages.errors import error_page, to_sign_in
from app.extensions.sessions.deps import recall_session
from app.extensions.sessions.service.browser import add_cookies

# Scripts have to carry the nonce, and nothing comes from another origin.
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


class Middleware:
    """Leaves the API alone. A problem that a browser would show as JSON becomes a page."""

    exposed_headers = ()
    renders_problems = True

    def __init__(self, app: ASGIApp) -> None:
        settings = get_settings()
        self.app = app
        self.api = f"{settings.api_prefix}/"
        self.show_tracebacks = settings.show_tracebacks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["path"].startswith(self.api):
            await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["csp_nonce"] = nonce
        is_browser = prefers_html(Headers(scope=scope).get("accept", ""))
        started = False
        problem: Message | None = None
        body = b""

        async def send_page(message: Message) -> None:
            nonlocal started, problem, body
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if is_browser and headers.get("content-type") == MEDIA_TYPE:
                    problem = message
                    return
                _complete(headers, scope)
                started = True
            elif problem is not None:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    started = True
                    await _send_problem(scope, receive, problem, body, send_started)
                return
            await send(message)

        async def send_started(message: Message) -> None:
            if message["type"] == "http.response.start":
                _complete(MutableHeaders(scope=message), scope)
            await send(message)

        try:
            await self.app(scope, receive, send_page)
        except Exception as error:
            # Core would answer it as well, but outside of this middleware, and so as JSON.
            if started or self.show_tracebacks or not is_browser:
                raise
            report_request(scope, error)
            await unexpected_error(error)(scope, receive, send_page)


def _complete(headers: MutableHeaders, scope: Scope) -> None:
    add_cookies(headers, scope)
    is_page = headers.get("content-type", "").startswith("text/html")
    if is_page or "location" in headers:
        headers.setdefault("Cache-Control", "no-store")
    if not is_page:
        return
    headers.setdefault("Content-Security-Policy", POLICY.format(nonce=scope["state"]["csp_nonce"]))
    # Forms check the origin of a request, which browsers leave out with `no-referrer`.
    headers.setdefault("Referrer-Policy", "same-origin")


async def _send_problem(
    scope: Scope, receive: Receive, start: Message, body: bytes, send: Send
) -> None:
    request = Request(scope)
    await recall_session(request)
    kept = Headers(raw=start["headers"])
    response = to_sign_in(request) if start["status"] == 401 else None
    response = response or error_page(request, json.loads(body))
    for name in ("allow", "connection", "retry-after"):
        if name in kept:
            response.headers[name] = kept[name]
    await response(scope, receive, send)
