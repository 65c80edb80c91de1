"""SMTP, with TLS that is verified: smtp:// is STARTTLS, smtps:// is TLS from the start."""

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import SMTPUTF8
from urllib.parse import SplitResult, unquote

import aiosmtplib

from app.core.http_client import authorities
from app.extensions.email.schemas import ascii_domain
from app.extensions.email.transports.base import SECONDS, DeliveryError, Receipt, Refusal

PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


class Smtp:
    """One server. Each mail has a connection of its own."""

    def __init__(self, parts: SplitResult, ca_cert: str | None = None) -> None:
        self.parts = parts
        self.ca_cert = ca_cert

    async def send(self, mail: EmailMessage, recipients: Sequence[str], *, key: str) -> Receipt:  # noqa: ARG002 - of the protocol
        """See `Transport`; the server knows `key` from the Message-ID."""
        international = mail.policy == SMTPUTF8
        try:
            async with self._connected() as server:
                refused, _ = await server.sendmail(
                    mail["From"].addresses[0].addr_spec,
                    list(recipients),
                    mail.as_bytes(),
                    mail_options=["SMTPUTF8", "BODY=8BITMIME"] if international else None,
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = {
                each.recipient: aiosmtplib.SMTPResponse(each.code, each.message)
                for each in error.recipients
            }
        return Receipt(
            refused={
                address: Refusal(f"{response.code} {response.message}", response.code >= 500)
                for address, response in refused.items()
            }
        )

    async def check(self) -> str:
        """See `Transport`."""
        async with self._connected() as server:
            await server.noop()
            cipher = server.get_transport_info("cipher")
        host = f"{self.parts.hostname}:{self.parts.port or PORTS[self.parts.scheme]}"
        return f"{host}, {cipher[1] if cipher else 'not encrypted'}"

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        parts = self.parts
        plain = parts.scheme == "smtp+plain"
        server = aiosmtplib.SMTP(
            hostname=ascii_domain(parts.hostname or ""),
            port=parts.port or PORTS[parts.scheme],
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password or "") if parts.username else None,
            timeout=SECONDS,
            use_tls=parts.scheme == "smtps",
            start_tls=parts.scheme == "smtp",
            tls_context=None if plain else self._context(),
        )
        try:
            async with server:
                yield server
        except aiosmtplib.SMTPAuthenticationError as error:
            # Somebody can correct the password, so this is not the end of the mail.
            raise DeliveryError(f"{error.code} {error.message}") from error
        except aiosmtplib.SMTPResponseException as error:
            raise DeliveryError(f"{error.code} {error.message}", final=error.code >= 500) from error
        except aiosmtplib.SMTPNotSupported as error:
            raise DeliveryError(str(error), final=True) from error
        except aiosmtplib.SMTPRecipientsRefused:
            raise
        except (aiosmtplib.SMTPException, OSError) as error:
            raise DeliveryError(
                f"{parts.hostname}: {str(error) or type(error).__name__}"
            ) from error

    def _context(self) -> ssl.SSLContext:
        if self.ca_cert is None:
            return authorities()
        try:
            return ssl.create_default_context(cafile=self.ca_cert)
        except OSError as error:
            raise DeliveryError(f"EMAIL_CA_CERT {self.ca_cert}: {error.strerror}") from error
