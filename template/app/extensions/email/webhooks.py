"""Calls of others: Supabase Auth, whose mails are sent from here, and providers about bounces."""

import hmac
from base64 import b64decode
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ValidationError

from app.core.database import DatabaseSession
from app.core.errors import AppError, ForbiddenError, InvalidError, UnauthenticatedError
from app.core.http.webhooks import json_object, signed_json
from app.core.logging import get_logger
from app.core.settings import get_settings, load_settings
from app.extensions.email import email as mails
from app.extensions.email.models import MailState, Reason
from app.extensions.email.recipients import choose, reactivate, suppress
from app.extensions.email.schemas import Mail
from app.extensions.email.service import send
from app.extensions.email.settings import EmailSettings
from app.extensions.users.deps import HookBody

SETTING = "EMAIL_WEBHOOK_SECRET"
NOTIFICATION = "_notification"
LINKS: dict[str, type[Mail]] = {
    "signup": mails.ConfirmAddress,
    "magiclink": mails.SignInLink,
    "email": mails.SignInLink,
    "recovery": mails.ResetPassword,
    "invite": mails.Invitation,
}

router = APIRouter()
log = get_logger(__name__)


class AuthUser(BaseModel):
    """The fields of Auth's user that are used."""

    email: str
    new_email: str = ""


class AuthData(BaseModel):
    """What Auth wants to be mailed."""

    email_action_type: str
    token: str = ""
    token_hash: str = ""
    token_new: str = ""
    token_hash_new: str = ""
    redirect_to: str = ""


class AuthCall(BaseModel):
    """The payload of the hook Send Email."""

    user: AuthUser
    email_data: AuthData


@router.post("/send-email")
async def send_email(
    body: HookBody, session: DatabaseSession, webhook_id: Annotated[str, Header()]
) -> dict[str, Any]:
    """Send a mail of Auth. Auth waits five seconds at most, so a task sends it."""
    try:
        call = AuthCall.model_validate(body)
        found = auth_mails(call)
    except ValidationError as error:
        raise InvalidError("Auth sent a mail that cannot be read.", code="unknown_mail") from error
    states = [
        (await send(session, mail, key=f"auth:{webhook_id}:{number}")).state
        for number, mail in enumerate(found)
    ]
    await session.commit()
    if MailState.SUPPRESSED in states:
        return {"error": {"http_code": 422, "message": "This address cannot be mailed."}}
    return {}


def auth_mails(call: AuthCall) -> list[Mail]:
    """Return the mails that Auth asks for: one, or two for a change of address.

    Raises:
        InvalidError: `unknown_mail`, there is no mail of this kind.
        ValidationError: an address or a token is missing.
    """
    user, data = call.user, call.email_data
    kind = data.email_action_type
    if kind in LINKS:
        values = {"to": user.email, "link": _link(data, data.token_hash), "code": data.token}
        return [LINKS[kind].model_validate(values)]
    if kind == "reauthentication":
        return [mails.Reauthenticate(to=user.email, code=data.token)]
    if kind == "email_change":
        return _changes(user, data)
    if kind.endswith(NOTIFICATION):
        change = kind.removesuffix(NOTIFICATION).replace("_", " ").capitalize()
        return [mails.SecurityNotice(to=user.email, change=f"{change}.")]
    log.error("unknown_mail_of_auth", kind=kind)
    raise InvalidError(f"There is no mail for {kind}.", code="unknown_mail")


def _changes(user: AuthUser, data: AuthData) -> list[Mail]:
    new = user.new_email or user.email

    def mail(to: str, token_hash: str, code: str) -> Mail:
        link = _link(data, token_hash)
        return mails.ChangeAddress(to=to, link=link, code=code, new_address=new)  # type: ignore[arg-type]

    if not data.token_hash_new:
        return [mail(new, data.token_hash, data.token)]
    # The names are crossed: the hash that is called new belongs to the old address.
    # Source: https://supabase.com/docs/guides/auth/auth-hooks/send-email-hook
    return [
        mail(user.email, data.token_hash_new, data.token),
        mail(new, data.token_hash, data.token_new),
    ]


def _link(data: AuthData, token_hash: str) -> str:
    query = {"token": token_hash, "type": data.email_action_type, "redirect_to": data.redirect_to}
    return f"{get_settings().supabase_url.rstrip('/')}/auth/v1/verify?{urlencode(query)}"


@router.post("/resend", status_code=204)
async def resend(request: Request, session: DatabaseSession) -> None:
    """Suppress the addresses of permanent bounces and of complaints.

    The event names all recipients of the mail and not the one that it is about, so that of a mail
    to several is ignored.

    Source: https://resend.com/docs/dashboard/webhooks/event-types
    """
    secret = load_settings(EmailSettings).webhook_secret
    event = await signed_json(request, secret, SETTING, "svix")
    data = event.get("data") or {}
    bounce = data.get("bounce") or {}
    reason = {"email.complained": Reason.COMPLAINT, "email.suppressed": Reason.BOUNCE}.get(
        str(event.get("type"))
    )
    if event.get("type") == "email.bounced" and bounce.get("type") == "Permanent":
        reason = Reason.BOUNCE
    addresses = data.get("to") or []
    if reason and len(addresses) == 1:
        await suppress(session, str(addresses[0]), reason, str(bounce.get("message") or "") or None)
    await session.commit()


@router.post("/postmark", status_code=204)
async def postmark(request: Request, session: DatabaseSession) -> None:
    """Suppress the addresses that Postmark does not mail any more, and release them again.

    Who unsubscribes at Postmark leaves one stream: this switches the categories off.

    Source: https://postmarkapp.com/developer/webhooks/webhooks-overview
    """
    _check_password(request.headers.get("authorization", ""))
    event = json_object(await request.body())
    kind, address = event.get("RecordType"), str(event.get("Email") or event.get("Recipient"))
    if kind is None:
        raise AppError("The body must be an event of Postmark.")
    details = str(event.get("Description") or event.get("SuppressionReason") or "") or None
    cause = event.get("SuppressionReason") if kind == "SubscriptionChange" else kind
    if kind == "SubscriptionChange" and not event.get("SuppressSending"):
        await reactivate(session, address)
    elif cause == "SpamComplaint":
        await suppress(session, address, Reason.COMPLAINT, details)
    elif cause == "HardBounce" or (kind == "Bounce" and event.get("Inactive")):
        await suppress(session, address, Reason.BOUNCE, details)
    elif kind == "SubscriptionChange":
        await choose(session, address, ())
    await session.commit()


def _check_password(authorization: str) -> None:
    """Compare the password of the address that Postmark calls, `https://any:SECRET@host/…`.

    Raises:
        ForbiddenError: `webhook_not_set_up`, there is no secret.
        UnauthenticatedError: `invalid_signature`, it is another one.
    """
    secret = load_settings(EmailSettings).webhook_secret
    if secret is None:
        log.error("webhook_not_set_up", advice=f"set {SETTING}")
        raise ForbiddenError(f"{SETTING} is missing.", code="webhook_not_set_up")
    scheme, _, encoded = authorization.partition(" ")
    try:
        given = b64decode(encoded).partition(b":")[2] if scheme.lower() == "basic" else b""
    except ValueError:
        given = b""
    if not hmac.compare_digest(given, secret.get_secret_value().encode()):
        raise UnauthenticatedError("The password is wrong.", code="invalid_signature")
