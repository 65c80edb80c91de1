"""Sign in by mail: codes, links, forgotten passwords; and the page that shows the mails."""

import html
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from devstack.supabase.access import auth_of, json_object, text
from devstack.supabase.errors import AuthError
from devstack.supabase.mail import Mail, Mailbox
from devstack.supabase.origins import is_local
from devstack.supabase.store import User

PAGE = """<!doctype html><meta charset="utf-8"><title>Mails of the local Supabase</title>
<h1>Mails</h1><p>None leaves this machine. <a href="/">Sign-in page</a></p><ul>{}</ul>"""
ENTRY = """<li>{sent_at}: <b>{subject}</b> for {to}, code <code>{code}</code>,
<a href="{link}">link</a>{over}</li>"""


async def otp(request: Request) -> Response:
    """Mail a code and a link that sign somebody in, whoever it is."""
    body = await json_object(request)
    auth = auth_of(request)
    user = auth.store.by_email(text(body, "email").strip().lower())
    if user is None:
        if body.get("create_user") is False:
            raise AuthError(422, "otp_disabled", "Signups not allowed for otp")
        user = auth.create_user(
            text(body, "email"), confirmed=False, user_metadata=body.get("data")
        )
    return _mailed(request, user, "magiclink", body)


async def recover(request: Request) -> Response:
    """Mail a link to set another password; the answer does not tell who has an account."""
    body = await json_object(request)
    user = auth_of(request).store.by_email(text(body, "email").strip().lower())
    return _mailed(request, user, "recovery", body)


async def resend(request: Request) -> Response:
    """Mail the confirmation of a sign-up again, where one is missing."""
    body = await json_object(request)
    if text(body, "type") != "signup":
        raise AuthError(400, "validation_failed", "Only type signup is known to the local Supabase")
    user = auth_of(request).store.by_email(text(body, "email").strip().lower())
    waiting = user if user and user.email_confirmed_at is None else None
    return _mailed(request, waiting, "signup", body)


async def verify(request: Request) -> Response:
    """Sign in with the code of a mail, or with the hash of its link."""
    body = await json_object(request)
    mail = mailbox_of(request).take(
        text(body, "type"),
        email=text(body, "email").strip().lower(),
        code=text(body, "token"),
        token_hash=text(body, "token_hash"),
    )
    user = auth_of(request).confirm(mail.to)
    return JSONResponse(auth_of(request).start_session(user, "otp"))


async def follow(request: Request) -> Response:
    """Follow a mail's link: sign in, and go back to the app with a session or a code for one."""
    query = request.query_params
    wanted = query.get("redirect_to", "")
    # Anywhere else, a link in a real mail could hand the session to a stranger.
    target = wanted if is_local(wanted) else str(request.base_url)
    try:
        mail = mailbox_of(request).take(query.get("type", ""), token_hash=query.get("token", ""))
        user = auth_of(request).confirm(mail.to)
        if mail.challenge:
            code = mailbox_of(request).exchange_code(user, mail.challenge)
            return _back(target, "?", {"code": code})
        session = auth_of(request).start_session(user, "otp")
    except AuthError as error:
        told = {"error": "access_denied", "error_code": error.code, "error_description": str(error)}
        return _back(target, "#", told)
    named = ("access_token", "refresh_token", "expires_in", "expires_at", "token_type")
    return _back(target, "#", {**{name: session[name] for name in named}, "type": mail.kind})


async def mails(request: Request) -> Response:
    """Show every mail, newest first; as JSON to who asks for that."""
    found = mailbox_of(request).mails[::-1]
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(
            [{"to": m.to, "kind": m.kind, "code": m.code, "link": m.link} for m in found]
        )
    return HTMLResponse(PAGE.format("".join(map(_entry, found)) or "<li>None yet.</li>"))


def mailbox_of(request: Request) -> Mailbox:
    """Return the mailbox of this server."""
    mailbox: Mailbox = request.app.state.mailbox
    return mailbox


def _mailed(request: Request, user: User | None, kind: str, body: dict[str, Any]) -> Response:
    if user:
        challenge = text(body, "code_challenge")
        method = text(body, "code_challenge_method") or "plain"
        mailbox_of(request).send(
            user,
            kind,
            request.query_params.get("redirect_to", ""),
            (method, challenge) if challenge else None,
        )
    return JSONResponse({})


def _back(target: str, separator: str, values: dict[str, Any]) -> Response:
    if separator == "?" and "?" in target:
        separator = "&"
    return RedirectResponse(f"{target}{separator}{urlencode(values)}", 303)


def _entry(mail: Mail) -> str:
    shown = {
        name: html.escape(str(getattr(mail, name)))
        for name in ("sent_at", "subject", "to", "code", "link")
    }
    return ENTRY.format(**shown, over="" if mail.good else " (used)")


# A link is followed without an API key.
open_routes = [Route("/verify", follow)]
routes = [
    Route("/otp", otp, methods=["POST"]),
    Route("/recover", recover, methods=["POST"]),
    Route("/resend", resend, methods=["POST"]),
    Route("/verify", verify, methods=["POST"]),
]
page_routes = [Route("/mails", mails)]
