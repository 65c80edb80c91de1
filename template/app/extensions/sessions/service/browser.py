"""The cookie of a browser: a random secret, from which the key of its session and its token derive.

The secret is in the cookie only. Redis has its digest, and pages have the CSRF token, from which
neither can be computed.
"""

import hashlib
import secrets
from dataclasses import dataclass
from functools import cached_property

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import Scope

from app.core import signing
from app.core.settings import get_settings, load_settings
from app.extensions.sessions.settings import SessionSettings

CSRF = "sessions csrf"  # purpose of the key


@dataclass
class Browser:
    """The browser of a request."""

    secret: str
    is_new: bool  # the cookie is not sent yet

    @property
    def key(self) -> str:
        """The key of this browser's session."""
        return key_of(self.secret)

    @cached_property
    def csrf_token(self) -> str:
        """The token that forms send. A browser has one before anybody signs in."""
        return signing.sign(signing.keys(CSRF), self.secret)

    def accepts(self, csrf_token: str) -> bool:
        """Return whether a form that this browser has loaded has sent the token."""
        return signing.is_signed(signing.keys(CSRF), self.secret, csrf_token)


def browser_of(request: Request) -> Browser:
    """Return the browser of a request, which has a cookie or gets one with `send_cookie`."""
    browser: Browser | None = getattr(request.state, "browser", None)
    if browser is None:
        received = request.cookies.get(cookie_name())
        browser = Browser(received or new_secret(), is_new=not received)
        request.state.browser = browser
    return browser


def key_of(secret: str) -> str:
    """Return the key of a session: the content of Redis is not enough to sign in."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    """Return a random secret."""
    return secrets.token_urlsafe(32)


def csrf_token(request: Request) -> str:
    """Return the token for a form of this response; a new browser gets its cookie."""
    browser = browser_of(request)
    if browser.is_new:
        send_cookie(request, browser)
    return browser.csrf_token


def renew(request: Request, *, seconds: int | None = None) -> Browser:
    """Give the browser another secret: an attacker may have set or read the previous one.

    Args:
        request: the response to it has the new cookie.
        seconds: how long the browser keeps it; until it is closed without a number.
    """
    browser = request.state.browser = Browser(new_secret(), is_new=True)
    send_cookie(request, browser, seconds=seconds)
    return browser


def send_cookie(request: Request, browser: Browser, *, seconds: int | None = None) -> None:
    """Send the secret with the response."""
    age = f"; Max-Age={seconds}" if seconds else ""
    set_cookie(request, cookie_name(), f"{browser.secret}{age}")
    browser.is_new = False


def set_cookie(request: Request, name: str, value: str) -> None:
    """Add a cookie to the response, see `add_cookies`; scripts cannot read it.

    The last one with this name counts.
    """
    secure = "; Secure" if get_settings().cookies_need_tls else ""
    cookies = request.scope.setdefault("state", {}).setdefault("cookies", {})
    cookies[name] = f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}"


def add_cookies(headers: MutableHeaders, scope: Scope) -> None:
    """Add the cookies of a request to the headers of its response: a middleware does it once."""
    cookies = scope["state"].pop("cookies", {}) if "state" in scope else {}
    for cookie in cookies.values():
        headers.append("Set-Cookie", cookie)
    if cookies:
        headers["Cache-Control"] = "no-store"


def host_cookie(name: str) -> str:
    """Return the name of a cookie that no subdomain can set, which requires TLS."""
    return f"__Host-{name}" if get_settings().cookies_need_tls else name


def cookie_name() -> str:
    """Return the name of the session's cookie."""
    return host_cookie("session")


def session_seconds() -> int:
    """Return how long a session lasts at most."""
    days: int = load_settings(SessionSettings).days
    return days * 86_400
