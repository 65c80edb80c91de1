"""The way back to these pages after the link in a mail.

The link works in the browser that asked for it: it leads back with a code, and the browser's cookie
has the text without which the code is worth nothing (PKCE, RFC 7636). The code in the mail works
everywhere.
"""

import secrets
from collections.abc import Awaitable, Callable

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


def prepare(request: Request, kind: str) -> dict[str, str]:
    """Give the browser the text for the link of a mail of this kind; return what Auth needs."""
    verifier = secrets.token_urlsafe(48)
    set_cookie(request, host_cookie(COOKIE), f"{kind}.{verifier}; Max-Age={SECONDS}")
    return {"verifier": verifier, "back": f"{origin(request)}{path_of(request, 'account:follow')}"}


def kind_of(request: Request) -> str:
    """Return the kind of the mail that this browser asked for last; empty without one."""
    return request.cookies.get(host_cookie(COOKIE), "").partition(".")[0]


def take(request: Request) -> tuple[str, str]:
    """Return kind and text of the mail that this browser asked for last; empty without one."""
    received = request.cookies.get(host_cookie(COOKIE), "")
    if received:
        set_cookie(request, host_cookie(COOKIE), "; Max-Age=0")
    kind, _, verifier = received.partition(".")
    return kind, verifier


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
    if form.data:
        email = form.data.email
        try:
            await send(supabase_of(request), email, **prepare(request, kind))
            return page(request, "account/code.html", kind=kind, email=email)
        except AppError as error:
            errors, status = {"": error.detail}, error.status
    return page(request, template, status=status, values=form.values, errors=errors)
