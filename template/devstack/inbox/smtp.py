"""The part that speaks SMTP."""

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from devstack.inbox.store import Inbox

OK = "250 OK"
MAX_BYTES = 32 * 1024 * 1024


class Handler:
    """Puts mails into the inbox. Tests make it refuse and wait."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        # Recipient -> answer, such as "550 5.1.1 unknown"; of `data`, the answer to every mail.
        self.answers: dict[str, str] = {}
        self.data: str = ""
        self.delay = 0.0  # seconds before each answer to a mail
        # To count what the inbox, which drops old mails, does not show.
        self.taken: list[tuple[str, tuple[str, ...]]] = []

    def reset(self) -> None:
        """Take every mail at once, and forget all mails."""
        self.answers, self.data, self.delay = {}, "", 0.0
        self.taken.clear()
        self.inbox.delete()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd defines the names
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        """Answer to a recipient."""
        answer = self.answers.get(address, OK)
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - see above
        """Answer to a mail."""
        await asyncio.sleep(self.delay)
        if self.data and not self.data.startswith("2"):
            return self.data
        content: Any = envelope.original_content or b""
        recipients = tuple(envelope.rcpt_tos)
        mail = self.inbox.add(envelope.mail_from or "", recipients, bytes(content))
        self.taken.append((str(mail.message["Message-ID"]), recipients))
        return self.data or "250 taken, and not delivered: this is a server for development"


def session(handler: Handler, **options: Any) -> SMTP:
    """Return the protocol of one connection; `options` are those of aiosmtpd."""
    return SMTP(
        handler, hostname="localhost", enable_SMTPUTF8=True, data_size_limit=MAX_BYTES, **options
    )
