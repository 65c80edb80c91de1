"""Postmark over HTTP. Source: https://postmarkapp.com/developer/api/email-api."""

from collections.abc import Sequence
from email.message import EmailMessage
from urllib.parse import SplitResult

from app.extensions.email.transports import http
from app.extensions.email.transports.base import (
    DeliveryError,
    InactiveRecipientError,
    Receipt,
)

API = "https://api.postmarkapp.com"
INACTIVE_RECIPIENT = 406  # an error code of Postmark, not of HTTP


class Postmark:
    """Sends through one server of an account."""

    def __init__(self, parts: SplitResult) -> None:
        self.base = http.base_of(parts, API)
        self.headers = {
            "X-Postmark-Server-Token": http.key_of(parts),
            "Accept": "application/json",
        }

    async def send(self, mail: EmailMessage, recipients: Sequence[str], *, key: str) -> Receipt:  # noqa: ARG002 - of the protocol
        """See `Transport`; Postmark knows no keys, so a repeated mail has the same Message-ID."""
        # Postmark would replace our Message-ID without this header.
        headers = {**http.headers_of(mail), "X-PM-KeepID": "true"}
        body = {
            "From": str(mail["From"]),
            "To": ", ".join(recipients),
            "Subject": str(mail["Subject"]),
            "HtmlBody": http.body_of(mail, "html"),
            "TextBody": http.body_of(mail, "plain"),
            "ReplyTo": str(mail["Reply-To"] or ""),
            "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
            "MessageStream": "broadcast" if mail["List-Unsubscribe"] else "outbound",
            "Attachments": [
                {"Name": each.name, "ContentType": each.media_type, "Content": each.content}
                for each in http.parts_of(mail)
            ],
        }
        response = await http.request("POST", f"{self.base}/email", self.headers, body)
        answer = response.json()
        if not response.is_success or answer.get("ErrorCode"):
            kind = DeliveryError
            if answer.get("ErrorCode") == INACTIVE_RECIPIENT:
                kind = InactiveRecipientError
            words = f"{answer.get('ErrorCode')} {answer.get('Message')}"
            raise kind(f"{response.status_code} {words}", final=True)
        return Receipt(provider_id=str(answer["MessageID"]))

    async def check(self) -> str:
        """See `Transport`."""
        response = await http.request("GET", f"{self.base}/server", self.headers)
        if not response.is_success:
            raise DeliveryError(f"{response.status_code} {response.text}")
        return f"Postmark, server {response.json().get('Name')}"
