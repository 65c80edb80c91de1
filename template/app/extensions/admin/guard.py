"""Around the whole site, as ASGI: its cookie, the check of what changes something, its headers."""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# RFC 9110, section 9.2.1.
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD = "csrf_token"
HEADER = "X-CSRF-Token"

# Everything comes from here. Scripts of the site set styles on elements, which is no script.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

ErrorPage = Callable[[Request, int, str], Awaitable[Response]]


@dataclass
class Browser:
    """The secret in a browser's cookie, and the token that its forms must send."""

    secret: str
    signing_key: bytes

    @property
    def csrf_token(self) -> str:
        """It follows from the cookie, so that the form of the sign-in has one, too."""
        text = f"admin csrf {self.secret}".encode()
        return hmac.new(self.signing_key, text, hashlib.sha256).hexdigest()

    def renew(self) -> str:
        """Give the browser another secret with this answer, and return it."""
        self.secret = new_secret()
        return self.secret


def new_secret() -> str:
    """Return what nobody can guess."""
    return secrets.token_urlsafe(32)


class Guard:
    """The one place where a request that changes something is let through or not."""

    def __init__(self, app: ASGIApp, *, signing_key: str, secure: bool, error: ErrorPage) -> None:
        self.app = app
        self.signing_key = signing_key.encode()
        self.secure = secure
        # Browsers take a cookie of such a name over TLS alone.
        self.cookie = "__Secure-admin" if secure else "admin"
        self.error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        given = request.cookies.get(self.cookie)
        browser = Browser(given or new_secret(), self.signing_key)
        request.state.browser = browser

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(MutableHeaders(scope=message), scope, browser, given)
            await send(message)

        if request.method in SAFE:
            await self.app(scope, receive, send_guarded)
        elif await self._is_ours(request, browser):
            await self.app(scope, _again(await request.body(), receive), send_guarded)
        else:
            text = "This page is no longer current: go back, load it again, and repeat."
            answer = await self.error(request, 403, text)
            await answer(scope, receive, send_guarded)

    async def _is_ours(self, request: Request, browser: Browser) -> bool:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        # Read as a whole first, for it is needed twice; the API's limit of bodies holds here, too.
        await request.body()
        sent = request.headers.get(HEADER) or (await request.form()).get(FIELD)
        return isinstance(sent, str) and hmac.compare_digest(
            sent.encode(), browser.csrf_token.encode()
        )

    def _add_headers(
        self, headers: MutableHeaders, scope: Scope, browser: Browser, given: str | None
    ) -> None:
        headers["Content-Security-Policy"] = POLICY
        headers["Referrer-Policy"] = "same-origin"
        if "/statics/" in scope["path"]:
            return
        headers["Cache-Control"] = "no-store"
        if browser.secret != given:
            secure = "; Secure" if self.secure else ""
            path = scope["root_path"]
            headers.append(
                "Set-Cookie",
                f"{self.cookie}={browser.secret}; Path={path}; HttpOnly; SameSite=Lax{secure}",
            )


def _again(body: bytes, receive: Receive) -> Receive:
    """Give out a body that was read already."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
