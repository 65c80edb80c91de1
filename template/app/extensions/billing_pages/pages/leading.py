"""Leads browsers to other pages: of an account, and of Stripe."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from app.extensions.billing_pages.service import Account
from app.extensions.pages.addresses import address
from app.extensions.pages.messages import add_message
from app.extensions.pages.rendering import origin, page


def path(
    request: Request,
    endpoint: Callable[..., Any],
    account: Account,
    query: dict[str, Any] | None = None,
    /,
    **values: Any,
) -> str:
    """Return the path of a page with its account."""
    asked = ({"account": account.key} if account.key else {}) | (query or {})
    found = address(request, endpoint, **values)
    return f"{found}?{urlencode(asked)}" if asked else found


def see_other(
    request: Request, endpoint: Callable[..., Any], account: Account, message: str = ""
) -> RedirectResponse:
    """Lead to a page after a change; it shows the message once."""
    if message:
        add_message(request, message)
    return RedirectResponse(path(request, endpoint, account), 303)


def back(request: Request, endpoint: Callable[..., Any], account: Account) -> str:
    """Return the whole address of a page to which Stripe leads back."""
    return f"{origin(request)}{path(request, endpoint, account)}"


def to_stripe(request: Request, url: str) -> Response:
    """Lead to a page of Stripe, after a form was sent.

    The policy has `form-action 'self'`, which browsers apply to redirections, too. A page that
    goes on by itself is none.
    """
    return page(request, "billing_pages/leave.html", url=url)
