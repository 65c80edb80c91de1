"""A TLS proxy before a Postgres without TLS, and valid and invalid certificates for it."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# The first message of a client that requests TLS, and the response that accepts it.
# Source: PostgreSQL's docs, Frontend/Backend Protocol, SSL Session Encryption.
SSL_REQUEST = bytes.fromhex("0000000804d2162f")
GRANTED = b"S"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Authority:
    """A CA that signs certificates of servers."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        """The CA's certificate, as a provider offers it for download."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def context(self, folder: Path, host: str, *, days: int = 1) -> ssl.SSLContext:
        """The TLS context of a server `host`; its certificate ends in `days`, or ended before."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(host, self.certificate.subject, key.public_key(), days=days)
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        certificate = builder.add_extension(names, critical=False).sign(self.key, hashes.SHA256())
        path = folder / f"{host}{days}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def authority(title: str) -> Authority:
    """Create a CA whose certificate has only the fields that private CAs use."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    builder = _builder(title, name, key.public_key(), days=1)
    is_ca = x509.BasicConstraints(ca=True, path_length=None)
    return Authority(key, builder.add_extension(is_ca, critical=False).sign(key, hashes.SHA256()))


def _builder(
    subject: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
    )


@contextlib.contextmanager
def http_front(context: ssl.SSLContext, port: int) -> Iterator[int]:
    """Accept HTTPS on the port that is returned, and forward the data to `port` in clear text."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            backend = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_forward(reader, backend[1]), _forward(backend[0], writer))
        writer.close()

    with _served(serve, ssl=context) as front:
        yield front


@contextlib.contextmanager
def tls_front(context: ssl.SSLContext, port: int) -> Iterator[int]:
    """The same for clients of Postgres, which ask for TLS before they start it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            assert await reader.readexactly(len(SSL_REQUEST)) == SSL_REQUEST
            writer.write(GRANTED)
            await writer.start_tls(context)
            backend = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_forward(reader, backend[1]), _forward(backend[0], writer))
        writer.close()

    with _served(serve) as front:
        yield front


@contextlib.contextmanager
def _served(serve: Serve, **options: Any) -> Iterator[int]:
    """Serve in a thread, and return the port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    started = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(serve, "127.0.0.1", 0, **options), loop
    ).result()
    try:
        yield int(started.sockets[0].getsockname()[1])
    finally:
        asyncio.run_coroutine_threadsafe(_end(started), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    writer.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
