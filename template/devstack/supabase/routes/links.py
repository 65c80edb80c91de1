"""Invitations and links that the backend sends itself, with the secret key."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.supabase.access import (
    email_of,
    json_object,
    require_secret_key,
    services,
    text,
)
from devstack.supabase.errors import AuthError, invalid
from devstack.supabase.signing_in import add_user, new_mail, send_mail
from devstack.supabase.store import User, timestamp

EMAIL_CHANGE = ("email_change_current", "email_change_new")


async def invite(request: Request) -> Response:
    """Create a user without a password, and mail an invitation."""
    require_secret_key(request)
    body = await json_object(request)
    user = await _invited(request, body)
    await send_mail(request, user, "invite", body)
    return JSONResponse(user.public())


async def generate_link(request: Request) -> Response:
    """Return the link and the code of a mail, which is not sent."""
    require_secret_key(request)
    body = await json_object(request)
    kind = text(body, "type")
    known = services(request).auth.store.by_email(email_of(body))
    match kind:
        case "magiclink" | "recovery":
            user = known or await _created(request, body, None)
        case "signup":
            if not text(body, "password"):
                raise invalid("Signup requires a valid password")
            user = await _created(request, body, text(body, "password"))
        case "invite":
            user = await _invited(request, body)
        case _ if kind in EMAIL_CHANGE and known:
            user = known
            services(request).auth.request_email(user, text(body, "new_email"))
        case _ if kind in EMAIL_CHANGE:
            raise AuthError(404, "user_not_found", "User with this email not found")
        case _:
            raise invalid(f"Invalid email action link type requested: {kind}")
    address = user.new_email if kind == "email_change_new" else user.email
    mail_kind = "email_change" if kind in EMAIL_CHANGE else kind
    mail = new_mail(request, user, mail_kind, body, address)
    services(request).mailbox.add(mail)
    link = {
        "action_link": mail.link,
        "email_otp": mail.code,
        "hashed_token": mail.token_hash,
        "redirect_to": mail.redirect_to,
        "verification_type": kind,
    }
    return JSONResponse({**user.public(), **link})


async def _invited(request: Request, body: dict[str, Any]) -> User:
    known = services(request).auth.store.by_email(email_of(body))
    if known and known.email_confirmed_at:
        message = "A user with this email address has already been registered"
        raise AuthError(422, "email_exists", message)
    user = known or await _created(request, body, None)
    with services(request).auth.store.change():
        user.invited_at = timestamp()
    return user


async def _created(request: Request, body: dict[str, Any], password: str | None) -> User:
    user = await asyncio.to_thread(
        services(request).auth.new_user,
        text(body, "email"),
        password,
        confirmed=False,
        user_metadata=body.get("data"),
    )
    await add_user(request, user)
    return user


routes = [
    Route("/invite", invite, methods=["POST"]),
    Route("/admin/generate_link", generate_link, methods=["POST"]),
]
