"""Sign-in by mail: codes, links, forgotten passwords, changed addresses."""

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from devstack.supabase.access import email_of, json_object, services, signed_in, text
from devstack.supabase.errors import AuthError, invalid
from devstack.supabase.fields import ensure_not_banned, validate_email
from devstack.supabase.mail import Mail
from devstack.supabase.origins import is_local
from devstack.supabase.signing_in import add_user, send_mail, sign_in

ONE_OF_TWO = "Confirmation link accepted. Please proceed to confirm link sent to the other email"


async def otp(request: Request) -> Response:
    """Mail a code and a link to sign in; a new user is created."""
    body = await json_object(request)
    auth = services(request).auth
    user = auth.store.by_email(email_of(body))
    if user is None:
        if body.get("create_user") is False:
            raise AuthError(422, "otp_disabled", "Signups not allowed for otp")
        user = auth.new_user(text(body, "email"), confirmed=False, user_metadata=body.get("data"))
        await add_user(request, user)
    return await send_mail(request, user, "magiclink", body)


async def recover(request: Request) -> Response:
    """Mail a link to set another password; the response is the same for unknown addresses."""
    body = await json_object(request)
    if not email_of(body):
        raise invalid("Password recovery requires an email")
    user = services(request).auth.store.by_email(validate_email(email_of(body)))
    return await send_mail(request, user, "recovery", body) if user else JSONResponse({})


async def resend(request: Request) -> Response:
    """Mail the confirmation of a sign-up or of another address again, if it is needed."""
    body = await json_object(request)
    kind, store = text(body, "type"), services(request).auth.store
    user = store.by_email(email_of(body))
    if kind not in ("signup", "email_change"):
        raise invalid("Missing one of these types: signup, email_change, sms, phone_change")
    if user and kind == "signup" and user.email_confirmed_at is None:
        return await send_mail(request, user, kind, body)
    if user and kind == "email_change" and user.new_email:
        return await send_mail(request, user, kind, body, user.email, user.new_email)
    return JSONResponse({})


async def reauthenticate(request: Request) -> Response:
    """Mail a code to the signed-in user."""
    user, _ = signed_in(request)
    if not user.email:
        raise AuthError(422, "email_address_not_provided", "Reauthentication requires an email")
    return await send_mail(request, user, "reauthentication", {})


async def verify(request: Request) -> Response:
    """Sign in with the code of a mail or the token hash of its link."""
    body = await json_object(request)
    kind, email, code = text(body, "type"), email_of(body), text(body, "token")
    token_hash = text(body, "token_hash")
    if not kind:
        raise invalid("Verify requires a verification type")
    if not (token_hash or (code and email)):
        raise invalid("Verify requires a token and an email, or a token hash")
    mail = services(request).mailbox.use(kind, email=email, code=code, token_hash=token_hash)
    if not _confirm(request, mail):
        return JSONResponse({"msg": ONE_OF_TWO, "code": "200"})
    user = services(request).auth.store.users[mail.user_id]
    return JSONResponse(await sign_in(request, user, "otp"))


async def follow(request: Request) -> Response:
    """Sign in with the link of a mail, and redirect to the app with a session or a code for one."""
    query, mailbox = request.query_params, services(request).mailbox
    token, redirect_to = query.get("token", ""), query.get("redirect_to", "")
    # Another site could take over the session.
    target = redirect_to if is_local(redirect_to) else str(request.base_url)
    try:
        mail = mailbox.use(query.get("type", ""), token_hash=token)
        if not _confirm(request, mail):
            return _redirect(target, {"message": ONE_OF_TWO}, query=bool(mail.challenge))
        if mail.challenge:
            values = {"code": mailbox.create_code(mail)}
            return _redirect(target, values, query=True, fragment=False)
        user = services(request).auth.store.users[mail.user_id]
        session = await sign_in(request, user, "otp")
    except AuthError as error:
        failure = {
            "error": "access_denied" if error.status < 500 else "server_error",
            "error_code": error.code,
            "error_description": str(error),
        }
        return _redirect(target, failure, query=token.startswith("pkce_"))
    del session["user"]
    return _redirect(target, {**session, "type": mail.kind})


def _confirm(request: Request, mail: Mail) -> bool:
    """Confirm the address of a mail; return False if another mail must be confirmed as well."""
    auth = services(request).auth
    user = auth.confirm(mail.user_id)
    ensure_not_banned(user, status=403)
    return mail.kind != "email_change" or auth.confirm_email_change(user, mail.to)


def _redirect(
    target: str, values: dict[str, Any], *, query: bool = False, fragment: bool = True
) -> Response:
    encoded = urlencode(values)
    if query:
        target += f"{'&' if '?' in target else '?'}{encoded}"
    return RedirectResponse(f"{target}#{encoded}" if fragment else target, 303)


# Links work without an API key.
open_routes = [Route("/verify", follow)]
routes = [
    Route("/otp", otp, methods=["POST"]),
    Route("/magiclink", otp, methods=["POST"]),
    Route("/recover", recover, methods=["POST"]),
    Route("/resend", resend, methods=["POST"]),
    Route("/reauthenticate", reauthenticate),
    Route("/verify", verify, methods=["POST"]),
]
