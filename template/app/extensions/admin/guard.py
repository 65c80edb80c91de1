"""ASGI middleware around the whole site: its cookie, its CSRF check, its security headers.

No package is used for the check: `starlette-csrf` reads the token from a header only, and the
site's forms send it as a field.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import signing

# RFC 9110, section 9.2.1.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD = "csrf_token"
HEADER = "X-CSRF-Token"

# All content comes from this origin. Inline styles are allowed: SQLAdmin's scripts set them.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

# Given the request, a status, a code and a sentence.
ErrorPage = Callable[[Request, int, str, str], Awaitable[Response]]


@dataclass
class Browser:
    """The secret in a browser's cookie."""

    secret: str
    signing_keys: Sequence[bytes]

    @property
    def csrf_token(self) -> str:
        """The token that forms send. It derives from the cookie, so the sign-in form has one."""
        return signing.sign(self.signing_keys, f"admin csrf {self.secret}")

    def accepts(self, csrf_token: str) -> bool:
        """Return whether a form that this browser has loaded has sent the token."""
        return signing.is_signed(self.signing_keys, f"admin csrf {self.secret}", csrf_token)

    def renew(self) -> str:
        """Replace the secret, with the cookie of this response, and return the new one."""
        self.secret = new_secret()
        return self.secret


def new_secret() -> str:
    """Return a random secret."""
    return secrets.token_urlsafe(32)


class Guard:
    """Checks every request that changes something, and completes every response."""

    def __init__(
        self, app: ASGIApp, *, signing_keys: Sequence[bytes], secure: bool, error: ErrorPage
    ) -> None:
        self.app = app
        self.signing_keys = signing_keys
        self.secure = secure
        # Browsers accept a cookie with this prefix only over TLS.
        self.cookie = "__Secure-admin" if secure else "admin"
        self.error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        received = request.cookies.get(self.cookie)
        browser = Browser(received or new_secret(), self.signing_keys)
        request.state.browser = browser

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(MutableHeaders(scope=message), scope, browser, received)
            await send(message)

        if request.method in SAFE_METHODS:
            await self.app(scope, receive, send_with_headers)
        elif await self._is_genuine(request, browser):
            await self.app(scope, _replay(await request.body(), receive), send_with_headers)
        else:
            text = "This page has expired. Go back, load it again, and repeat the action."
            response = await self.error(request, 403, "csrf_failed", text)
            await response(scope, receive, send_with_headers)

    async def _is_genuine(self, request: Request, browser: Browser) -> bool:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        # The body is read first, because the application reads it again. The API's limit of its
        # size applies here as well.
        await request.body()
        sent = request.headers.get(HEADER) or (await request.form()).get(FIELD)
        return isinstance(sent, str) and browser.accepts(sent)

    def _add_headers(
        self, headers: MutableHeaders, scope: Scope, browser: Browser, received: str | None
    ) -> None:
        headers["Content-Security-Policy"] = POLICY
        headers["Referrer-Policy"] = "same-origin"
        if "/statics/" in scope["path"]:
            return
        headers["Cache-Control"] = "no-store"
        if browser.secret != received:
            secure = "; Secure" if self.secure else ""
            path = scope["root_path"]
            headers.append(
                "Set-Cookie",
                f"{self.cookie}={browser.secret}; Path={path}; HttpOnly; SameSite=Lax{secure}",
            )


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
