"""What several routes do with a user: create, sign in, send a mail; with the hooks for each."""

import contextlib
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from devstack.supabase.access import services, text
from devstack.supabase.errors import AuthError
from devstack.supabase.mail import Mail
from devstack.supabase.store import Session, User


async def add_user(request: Request, user: User) -> None:
    """Add a new user, if the hook allows it.

    Raises:
        AuthError: the hook refuses, or the address belongs to another user.
    """
    await services(request).hooks.before_user_created(user)
    services(request).auth.add_user(user)
    with contextlib.suppress(AuthError):  # the user exists already
        await services(request).hooks.after_user_created(user)


async def sign_in(request: Request, user: User, method: str) -> dict[str, Any]:
    """Start a session, and return tokens and user.

    Raises:
        AuthError: the user is banned, or the hook refuses.
    """
    return await session_tokens(request, user, services(request).auth.new_session(user, method))


async def session_tokens(request: Request, user: User, session: Session) -> dict[str, Any]:
    """Return new tokens of a session, and the user.

    Raises:
        AuthError: the hook refuses.
    """
    auth, hooks = services(request).auth, services(request).hooks
    claims = await hooks.change_claims(user, session, auth.session_claims(user, session))
    return auth.response(user, session, claims)


async def send_mail(
    request: Request, user: User, kind: str, body: dict[str, Any], *addresses: str
) -> Response:
    """Mail a code and a link to a user, or to several addresses of a user.

    Raises:
        AuthError: the last mail was sent a moment ago, or the hook fails.
    """
    mailbox = services(request).mailbox
    for address in addresses or (user.email,):
        mailbox.check_interval(address, kind)
    mails = [new_mail(request, user, kind, body, each) for each in addresses or (user.email,)]
    await services(request).hooks.send_email(user, *mails)
    for mail in mails:
        mailbox.add(mail)
    return JSONResponse({})


def new_mail(
    request: Request, user: User, kind: str, body: dict[str, Any], address: str = ""
) -> Mail:
    """Return a mail with the redirection and the PKCE challenge of a request."""
    challenge = text(body, "code_challenge")
    method = text(body, "code_challenge_method") or "plain"
    redirect_to = request.query_params.get("redirect_to", "") or text(body, "redirect_to")
    pkce = (method, challenge) if challenge else None
    return services(request).mailbox.create(user, kind, redirect_to, pkce, to=address)
