"""How mails leave: one module per kind of EMAIL_URL."""

from app.extensions.email.settings import EmailSettings
from app.extensions.email.transports.base import (
    DeliveryError,
    InactiveRecipientError,
    Receipt,
    Refusal,
    Transport,
)
from app.extensions.email.transports.postmark import Postmark
from app.extensions.email.transports.resend import Resend
from app.extensions.email.transports.smtp import Smtp

__all__ = [
    "DeliveryError",
    "InactiveRecipientError",
    "Receipt",
    "Refusal",
    "Transport",
    "create_transport",
]


def create_transport(settings: EmailSettings) -> Transport:
    """Return the transport of EMAIL_URL.

    Raises:
        DeliveryError: EMAIL_URL is not set; a later try may succeed.
    """
    parts = settings.transport
    if parts is None:
        raise DeliveryError("EMAIL_URL is not set, so there is no transport for mails.")
    match parts.scheme:
        case "resend":
            return Resend(parts)
        case "postmark":
            return Postmark(parts)
    return Smtp(parts, settings.ca_cert)
