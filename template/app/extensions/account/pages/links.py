"""The way back to these pages after the link in a mail.

The link works in the browser that asked for it: it leads back with a code, and the browser's cookie
has the text without which the code is worth nothing (PKCE, RFC 7636). The code in the mail works
everywhere.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from app.core.errors import AppError
from app.core.supabase.clients import supabase_of
from app.extensions.account.schemas import ByMail
from app.extensions.pages.addresses import path_of
from app.extensions.pages.forms import read_form
from app.extensions.pages.rendering import origin, page
from app.extensions.sessions.service.browser import host_cookie, set_cookie

COOKIE = "link"
SECONDS = 3600
MAX_PATH = 1000  # characters, because browsers keep 4 kB of a cookie


@dataclass(frozen=True, slots=True)
class Way:
    """What the browser knows of the mail that it asked for last; empty without one."""

    kind: str = ""
    verifier: str = ""
    next_path: str = ""  # the page that was wanted, as the browser has sent it


def prepare(request: Request, kind: str, next_path: str = "") -> dict[str, str]:
    """Give the browser the text for the link of a mail of this kind; return what Auth needs."""
    verifier = secrets.token_urlsafe(48)
    encoded = urlsafe_b64encode(next_path[:MAX_PATH].encode()).decode()
    value = f"{kind}.{verifier}.{encoded}; Max-Age={SECONDS}"
    set_cookie(request, host_cookie(COOKIE), value)
    return {"verifier": verifier, "back": f"{origin(request)}{path_of(request, 'account:follow')}"}


def look(request: Request) -> Way:
    """Return what the browser knows."""
    parts = request.cookies.get(host_cookie(COOKIE), "").split(".")
    try:
        kind, verifier, encoded = parts
        return Way(kind, verifier, urlsafe_b64decode(encoded).decode())
    except ValueError:
        return Way()


def take(request: Request) -> Way:
    """Return what the browser knows, and let it forget it: a link works once."""
    way = look(request)
    if way.kind:
        set_cookie(request, host_cookie(COOKIE), "; Max-Age=0")
    return way


async def mail_code(
    request: Request, kind: str, send: Callable[..., Awaitable[None]], template: str
) -> Response:
    """Mail a link and a code to the address in the form.

    The answer does not tell whether there is an account.

    Args:
        request: the form.
        kind: of the mail, see `prepare`.
        send: the function of `auth` that sends it.
        template: the page with the form, which is shown again with what is wrong.
    """
    form = await read_form(request, ByMail)
    errors, status = form.errors, 422
    next_path = str((await request.form()).get("next", ""))
    if form.data:
        email = form.data.email
        try:
            await send(supabase_of(request), email, **prepare(request, kind, next_path))
            return page(request, "account/code.html", kind=kind, email=email, next=next_path)
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return page(request, template, status=status, values=form.values, errors=errors, next=next_path)
