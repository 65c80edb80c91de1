"""The mails that arrived, in memory."""

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from typing import Any

KEPT = 500


@dataclass
class Received:
    """One mail, as the server got it."""

    id: int
    sender: str
    recipients: tuple[str, ...]
    source: bytes
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def message(self) -> EmailMessage:
        """The parsed mail."""
        return message_from_bytes(self.source, policy=policy.default)

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self.message["Subject"] or "")

    @property
    def html(self) -> str:
        """The HTML; empty if there is none."""
        return self._body("html")

    @property
    def text(self) -> str:
        """The plain text; empty if there is none."""
        return self._body("plain")

    @property
    def attachments(self) -> list[EmailMessage]:
        """The files."""
        return list(self.message.iter_attachments())

    def summary(self) -> dict[str, Any]:
        """The line of the list."""
        return {
            "id": self.id,
            "from": str(self.message["From"] or self.sender),
            "to": list(self.recipients),
            "subject": self.subject,
            "received_at": self.received_at.isoformat(timespec="seconds"),
            "attachments": len(self.attachments),
        }

    def details(self) -> dict[str, Any]:
        """All of it, without the source and the content of the files."""
        return {
            **self.summary(),
            "text": self.text,
            "html": bool(self.html),
            "headers": [[name, str(value)] for name, value in self.message.items()],
            "files": [
                {"name": part.get_filename() or "file", "media_type": part.get_content_type()}
                for part in self.attachments
            ],
        }

    def _body(self, subtype: str) -> str:
        part = self.message.get_body((subtype,))
        return str(part.get_content()) if part else ""


class Inbox:
    """Every mail since the start, oldest first; the oldest are dropped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._mails: dict[int, Received] = {}

    def __iter__(self) -> Iterator[Received]:
        return iter(list(self._mails.values()))

    def __len__(self) -> int:
        return len(self._mails)

    def add(self, sender: str, recipients: tuple[str, ...], source: bytes) -> Received:
        """Add a mail."""
        with self._lock:
            mail = Received(next(self._numbers), sender, recipients, source)
            self._mails[mail.id] = mail
            while len(self._mails) > KEPT:
                del self._mails[next(iter(self._mails))]
        return mail

    def get(self, number: int) -> Received | None:
        """Return a mail."""
        return self._mails.get(number)

    def delete(self, number: int | None = None) -> None:
        """Delete a mail, or all."""
        with self._lock:
            if number is None:
                self._mails.clear()
            else:
                self._mails.pop(number, None)

    def to(self, address: str) -> list[Received]:
        """Return the mails to an address, oldest first."""
        return [mail for mail in self if address in mail.recipients]
