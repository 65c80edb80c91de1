"""Sign-in by mail: codes, links and forgotten passwords; and the page that shows the mails."""

import html
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from devstack.supabase.access import email_of, json_object, services, text
from devstack.supabase.errors import AuthError
from devstack.supabase.mail import Mail
from devstack.supabase.origins import is_local
from devstack.supabase.store import User

PAGE = """<!doctype html><meta charset="utf-8"><title>Mails of the local Supabase</title>
<h1>Mails</h1><p>No mail leaves this machine. <a href="/">Sign-in page</a></p><ul>{}</ul>"""
ENTRY = """<li>{sent_at}: <b>{subject}</b> for {to}, code <code>{code}</code>,
<a href="{link}">link</a>{note}</li>"""


async def otp(request: Request) -> Response:
    """Mail a code and a link to sign in; a new user is created."""
    body = await json_object(request)
    auth = services(request).auth
    user = auth.store.by_email(email_of(body))
    if user is None:
        if body.get("create_user") is False:
            raise AuthError(422, "otp_disabled", "Signups not allowed for otp")
        user = auth.create_user(
            text(body, "email"), confirmed=False, user_metadata=body.get("data")
        )
    return _send_mail(request, user, "magiclink", body)


async def recover(request: Request) -> Response:
    """Mail a link to set another password; the response is the same for unknown addresses."""
    body = await json_object(request)
    user = services(request).auth.store.by_email(email_of(body))
    return _send_mail(request, user, "recovery", body)


async def resend(request: Request) -> Response:
    """Mail the confirmation of a sign-up again, if the address is not confirmed."""
    body = await json_object(request)
    if text(body, "type") != "signup":
        raise AuthError(400, "validation_failed", "The local Supabase supports only type signup")
    user = services(request).auth.store.by_email(email_of(body))
    unconfirmed = user if user and user.email_confirmed_at is None else None
    return _send_mail(request, unconfirmed, "signup", body)


async def verify(request: Request) -> Response:
    """Sign in with the code of a mail or the token hash of its link."""
    body = await json_object(request)
    mail = services(request).mailbox.use(
        text(body, "type"),
        email=email_of(body),
        code=text(body, "token"),
        token_hash=text(body, "token_hash"),
    )
    user = services(request).auth.confirm(mail.to)
    return JSONResponse(services(request).auth.start_session(user, "otp"))


async def follow(request: Request) -> Response:
    """Sign in with the link of a mail, and redirect to the app with a session or a code for one."""
    query = request.query_params
    auth, mailbox = services(request).auth, services(request).mailbox
    redirect_to = query.get("redirect_to", "")
    # Another site could take over the session.
    target = redirect_to if is_local(redirect_to) else str(request.base_url)
    try:
        mail = mailbox.use(query.get("type", ""), token_hash=query.get("token", ""))
        user = auth.confirm(mail.to)
        if mail.challenge:
            return _redirect(target, "?", {"code": mailbox.create_code(user, mail.challenge)})
        session = auth.start_session(user, "otp")
    except AuthError as error:
        return _redirect(
            target,
            "#",
            {"error": "access_denied", "error_code": error.code, "error_description": str(error)},
        )
    del session["user"]
    return _redirect(target, "#", {**session, "type": mail.kind})


async def mails(request: Request) -> Response:
    """List every mail, newest first, as a page or as JSON."""
    found = services(request).mailbox.mails[::-1]
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(
            [{"to": m.to, "kind": m.kind, "code": m.code, "link": m.link} for m in found]
        )
    return HTMLResponse(PAGE.format("".join(map(_entry, found)) or "<li>None yet.</li>"))


def _send_mail(request: Request, user: User | None, kind: str, body: dict[str, Any]) -> Response:
    if user:
        challenge = text(body, "code_challenge")
        method = text(body, "code_challenge_method") or "plain"
        services(request).mailbox.send(
            user,
            kind,
            request.query_params.get("redirect_to", ""),
            (method, challenge) if challenge else None,
        )
    return JSONResponse({})


def _redirect(target: str, separator: str, values: dict[str, Any]) -> Response:
    if separator == "?" and "?" in target:
        separator = "&"
    return RedirectResponse(f"{target}{separator}{urlencode(values)}", 303)


def _entry(mail: Mail) -> str:
    shown = {
        name: html.escape(str(getattr(mail, name)))
        for name in ("sent_at", "subject", "to", "code", "link")
    }
    return ENTRY.format(**shown, note="" if mail.valid else " (used)")


# Links work without an API key.
open_routes = [Route("/verify", follow)]
routes = [
    Route("/otp", otp, methods=["POST"]),
    Route("/recover", recover, methods=["POST"]),
    Route("/resend", resend, methods=["POST"]),
    Route("/verify", verify, methods=["POST"]),
]
page_routes = [Route("/mails", mails)]
