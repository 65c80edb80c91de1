"""Resend over HTTP. Source: https://resend.com/docs/api-reference/emails/send-email."""

from collections.abc import Sequence
from email.message import EmailMessage
from urllib.parse import SplitResult

from app.extensions.email.transports import http
from app.extensions.email.transports.base import DeliveryError, Receipt

API = "https://api.resend.com"


class Resend:
    """Sends through one account. A repeated key sends one mail, for a day."""

    def __init__(self, parts: SplitResult) -> None:
        self.base = http.base_of(parts, API)
        self.headers = {"Authorization": f"Bearer {http.key_of(parts)}"}

    async def send(self, mail: EmailMessage, recipients: Sequence[str], *, key: str) -> Receipt:
        """See `Transport`; Resend refuses a mail as a whole."""
        body = {
            "from": str(mail["From"]),
            "to": list(recipients),
            "subject": str(mail["Subject"]),
            "html": http.body_of(mail, "html"),
            "text": http.body_of(mail, "plain"),
            "headers": http.headers_of(mail),
            "attachments": [
                {"filename": each.name, "content_type": each.media_type, "content": each.content}
                for each in http.parts_of(mail)
            ],
        }
        if mail["Reply-To"]:
            body["reply_to"] = str(mail["Reply-To"])
        headers = {**self.headers, "Idempotency-Key": key}
        response = await http.request("POST", f"{self.base}/emails", headers, body)
        if not response.is_success:
            raise DeliveryError(f"{response.status_code} {response.text}", final=True)
        return Receipt(provider_id=str(response.json()["id"]))

    async def check(self) -> str:
        """See `Transport`; a key that may only send is refused with 401 here, and works."""
        try:
            response = await http.request("GET", f"{self.base}/domains", self.headers)
        except DeliveryError as error:
            if "restricted_api_key" in str(error):
                return "Resend, a key that may only send"
            raise
        if not response.is_success:
            raise DeliveryError(f"{response.status_code} {response.text}")
        return "Resend"
