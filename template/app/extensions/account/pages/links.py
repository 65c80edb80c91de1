"""The way back to these pages after the link in a mail.

The link works in the browser that asked for it: it leads back with a code, and the browser's cookie
has the text without which the code is worth nothing (PKCE, RFC 7636). The code in the mail works
everywhere.
"""

import secrets

from fastapi import Request

from app.extensions.pages.addresses import path_of
from app.extensions.pages.rendering import origin
from app.extensions.sessions.service.browser import host_cookie, set_cookie

COOKIE = "link"
SECONDS = 3600


def prepare(request: Request, kind: str) -> dict[str, str]:
    """Give the browser the text for the link of a mail of this kind; return what Auth needs."""
    verifier = secrets.token_urlsafe(48)
    set_cookie(request, host_cookie(COOKIE), f"{kind}.{verifier}; Max-Age={SECONDS}")
    return {"verifier": verifier, "back": f"{origin(request)}{path_of(request, 'account:follow')}"}


def take(request: Request) -> tuple[str, str]:
    """Return kind and text of the mail that this browser asked for last; empty without one."""
    received = request.cookies.get(host_cookie(COOKIE), "")
    if received:
        set_cookie(request, host_cookie(COOKIE), "; Max-Age=0")
    kind, _, verifier = received.partition(".")
    return kind, verifier
