"""What every transport has in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Protocol

from app.extensions.email.models import storable

SECONDS = 20.0  # for one answer of a server


class DeliveryError(Exception):
    """The mail was not taken. The text has the words of the server.

    Args:
        text: for operators.
        final: whether another try would be refused as well.
    """

    def __init__(self, text: str, *, final: bool = False) -> None:
        super().__init__(storable(text)[:1000])
        self.final = final


class InactiveRecipientError(DeliveryError):
    """The provider does not mail some recipients any more, after a bounce or a complaint."""


@dataclass(frozen=True)
class Refusal:
    """Why the server does not take the mail for one recipient."""

    text: str
    final: bool


@dataclass(frozen=True)
class Receipt:
    """The server has the mail, for all recipients that it did not refuse."""

    provider_id: str | None = None
    refused: Mapping[str, Refusal] = field(default_factory=dict)


class Transport(Protocol):
    """One way to send mails."""

    async def send(self, mail: EmailMessage, recipients: Sequence[str], *, key: str) -> Receipt:
        """Hand a mail over.

        Args:
            mail: with all headers.
            recipients: who gets it; the headers may show others.
            key: the same for each try, so that a provider that supports it sends one mail.

        Raises:
            DeliveryError: nobody gets the mail.
        """

    async def check(self) -> str:
        """Connect with the credentials, send nothing, and say what was found.

        Raises:
            DeliveryError: the server does not answer or refuses the credentials.
        """
