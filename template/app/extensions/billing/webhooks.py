"""Events of Stripe, below the path of webhooks."""

import stripe
from fastapi import APIRouter, Request
from pydantic import ValidationError

from app.core.database import DatabaseSession
from app.core.errors import AppError, ForbiddenError, UnauthenticatedError
from app.core.logging import get_logger
from app.core.settings import load_settings
from app.extensions.billing.service.processing import Incoming, store
from app.extensions.billing.settings import BillingSettings
from app.extensions.billing.tasks import start_processing

SETTING = "BILLING_WEBHOOK_SECRET"
SECONDS = 300  # for which a signature is valid

router = APIRouter()
log = get_logger(__name__)


@router.post("/stripe", status_code=204)
async def receive(request: Request, session: DatabaseSession) -> None:
    """Store an event and enqueue its processing in one transaction; Stripe repeats it otherwise."""
    settings = load_settings(BillingSettings)
    body = await request.body()
    _check_signature(body, request.headers.get("stripe-signature"), settings)
    event = _read(body)
    if event.livemode is not settings.live:
        log.error("billing_event_of_other_mode", id=event.id, livemode=event.livemode)
        return
    if await store(session, event):
        await start_processing(session, event.id)
    await session.commit()


def _read(body: bytes) -> Incoming:
    """Read an event.

    Raises:
        AppError: it is none.
    """
    try:
        return Incoming.model_validate_json(body)
    except ValidationError as error:
        raise AppError("The body must be an event of Stripe.") from error


def _check_signature(body: bytes, signature: str | None, settings: BillingSettings) -> None:
    """Compare the signature, which is that of the bytes as they were sent.

    Raises:
        ForbiddenError: `webhook_not_set_up`, there is no secret.
        UnauthenticatedError: `invalid_signature`, no secret matches, or the event is too old.
    """
    if settings.webhook_secret is None:
        log.error("webhook_not_set_up", advice=f"set {SETTING}")
        raise ForbiddenError(f"{SETTING} is missing.", code="webhook_not_set_up")
    for secret in settings.webhook_secret.get_secret_value().split("|"):
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret.strip(), SECONDS)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        return
    raise UnauthenticatedError(
        "The signature is missing, wrong or older than five minutes.", code="invalid_signature"
    )
