"""SMTP with TLS, and the two providers."""

import base64
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from app.core.settings import SettingsError, load_settings
from app.extensions.email.checks import transport as check
from app.extensions.email.render import message, render
from app.extensions.email.schemas import Attachment, Mail
from app.extensions.email.settings import EmailSettings
from app.extensions.email.transports import (
    DeliveryError,
    InactiveRecipientError,
    Receipt,
    create_transport,
)
from app.extensions.email.transports.http import key_of
from devstack.inbox import InboxServer
from tests.core.tasks.faults.tls import certificate
from tests.extensions.email import providers
from tests.extensions.email.conftest import Configure
from tests.extensions.email.providers import Provider
from tests.extensions.email.shop import shipped

PASSWORD = "p@ss:w/rd"
URL = "https://api.example.org/unsubscribe/x"


def built(mail: Mail) -> EmailMessage:
    return message(
        render(mail, unsubscribe_url=URL),
        mail,
        sent_to=mail.recipients,
        message_id="1@example.org",
        date=datetime(2026, 11, 29, tzinfo=UTC),
        unsubscribe_url=URL,
    )


async def send(mail: Mail | None = None) -> Receipt:
    mail = mail or shipped()
    transport = create_transport(load_settings(EmailSettings))
    return await transport.send(built(mail), mail.recipients, key="key-1")


# --- SMTP -------------------------------------------------------------------------------------


def authenticate(*arguments: object) -> AuthResult:
    given = arguments[-1]
    assert isinstance(given, LoginPassword)
    known = (given.login, given.password) == (b"shop@example.org", PASSWORD.encode())
    return AuthResult(success=known, handled=known)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def context(chain: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*chain)
    return context


@pytest.fixture(scope="module")
def starttls(context: ssl.SSLContext) -> Iterator[InboxServer]:
    """A server that requires STARTTLS and a password, like those of providers."""
    options = {
        "tls_context": context,
        "require_starttls": True,
        "authenticator": authenticate,
        "auth_required": True,
    }
    with InboxServer(options=options) as server:
        yield server


@pytest.fixture(scope="module")
def implicit(context: ssl.SSLContext) -> Iterator[InboxServer]:
    """A server that begins with TLS."""
    with InboxServer(tls=context) as server:
        yield server


def url(scheme: str, server: InboxServer, password: str = PASSWORD) -> str:
    user = f"{quote('shop@example.org')}:{quote(password, safe='')}@"
    return f"{scheme}://{user if scheme == 'smtp' else ''}127.0.0.1:{server.smtp_port}"


async def test_starttls_with_a_password(
    starttls: InboxServer, chain: tuple[Path, Path], configure: Configure
) -> None:
    configure(url=url("smtp", starttls), ca_cert=str(chain[0]))
    await send()
    assert len(starttls.inbox) == 1


async def test_tls_from_the_start(
    implicit: InboxServer, chain: tuple[Path, Path], configure: Configure
) -> None:
    configure(url=url("smtps", implicit), ca_cert=str(chain[0]))
    await send()
    assert len(implicit.inbox) == 1


async def test_an_unknown_certificate_is_refused(
    starttls: InboxServer, implicit: InboxServer, configure: Configure
) -> None:
    for scheme, server in (("smtp", starttls), ("smtps", implicit)):
        before = len(server.inbox)
        configure(url=url(scheme, server))
        with pytest.raises(DeliveryError, match=r"(?i)certificate") as error:
            await send()
        assert not error.value.final
        assert len(server.inbox) == before


async def test_a_server_without_starttls_gets_no_password_and_no_mail(
    server: InboxServer, configure: Configure
) -> None:
    for address in (url("smtp", server), f"smtp://127.0.0.1:{server.smtp_port}"):
        configure(url=address)
        with pytest.raises(DeliveryError, match="STARTTLS"):
            await send()
    assert len(server.inbox) == 0


async def test_a_wrong_password_can_be_corrected(
    starttls: InboxServer, chain: tuple[Path, Path], configure: Configure
) -> None:
    configure(url=url("smtp", starttls, "wrong"), ca_cert=str(chain[0]))
    with pytest.raises(DeliveryError, match="535") as error:
        await send()
    assert not error.value.final


# --- Providers --------------------------------------------------------------------------------


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providers.running() as provider:
        yield provider


FILE = Attachment.of("größe.txt", "text/plain", b"12")


async def test_resend(provider: Provider, configure: Configure) -> None:
    configure(url=f"resend://re_Key-1?api={provider.url}", reply_to="help@example.org")
    first = await send(shipped("jürgen@example.com", attachments=[FILE]))
    second = await send(shipped("jürgen@example.com", attachments=[FILE]))
    assert first == second
    (body,) = provider.sent  # the key makes it one mail
    assert provider.requests[0][0] == "/emails"
    assert provider.requests[0][1]["authorization"] == "Bearer re_Key-1"
    assert body["from"] == "Shop <shop@example.org>"
    assert body["to"] == ["jürgen@example.com"]
    assert body["subject"] == "Ada, your order is on its way"
    assert body["reply_to"] == "help@example.org"
    assert body["headers"]["Message-ID"] == "<1@example.org>"
    assert body["headers"]["List-Unsubscribe"] == f"<{URL}>"
    assert "<html" in body["html"]
    assert body["text"].startswith("Backend\n")
    (file,) = body["attachments"]
    assert (file["filename"], base64.b64decode(file["content"])) == ("größe.txt", b"12")


async def test_postmark(provider: Provider, configure: Configure) -> None:
    configure(url=f"postmark://Token-1?api={provider.url}")
    receipt = await send(shipped(("a@example.com", "b@example.com"), attachments=[FILE]))
    assert receipt == Receipt(provider_id="1")
    (body,) = provider.sent
    assert provider.requests[0][0] == "/email"
    assert provider.requests[0][1]["x-postmark-server-token"] == "Token-1"
    assert body["To"] == "a@example.com, b@example.com"
    headers = {each["Name"]: each["Value"] for each in body["Headers"]}
    assert headers["Message-ID"] == "<1@example.org>"
    assert headers["X-PM-KeepID"] == "true"
    assert body["MessageStream"] == "broadcast"  # it has a link to unsubscribe
    assert base64.b64decode(body["Attachments"][0]["Content"]) == b"12"


@pytest.mark.parametrize("scheme", ["resend", "postmark"])
@pytest.mark.parametrize(
    ("status", "final"),
    [(401, False), (403, False), (409, False), (422, True), (429, False), (500, False)],
)
async def test_refusals_of_providers(
    provider: Provider, configure: Configure, scheme: str, status: int, final: bool
) -> None:
    configure(url=f"{scheme}://key?api={provider.url}")
    provider.answers.append((status, {"message": "words", "Message": "words", "ErrorCode": 300}))
    with pytest.raises(DeliveryError, match="words") as error:
        await send()
    assert error.value.final is final
    await send()
    assert len(provider.sent) == 1


async def test_an_inactive_recipient_of_postmark(provider: Provider, configure: Configure) -> None:
    configure(url=f"postmark://key?api={provider.url}")
    provider.answers.append((422, {"ErrorCode": 406, "Message": "inactive"}))
    with pytest.raises(InactiveRecipientError):
        await send()


async def test_a_provider_that_is_down(configure: Configure) -> None:
    configure(url="resend://key?api=http://127.0.0.1:1")
    with pytest.raises(DeliveryError, match=r"127\.0\.0\.1") as error:
        await send()
    assert not error.value.final


# --- Settings and doctor ----------------------------------------------------------------------


def test_the_doctor_connects(
    provider: Provider,
    starttls: InboxServer,
    chain: tuple[Path, Path],
    configure: Configure,
) -> None:
    configure(url=url("smtp", starttls), ca_cert=str(chain[0]))
    assert "TLSv1" in check()
    configure(url=f"postmark://key?api={provider.url}")
    assert "Shop" in check()
    configure(url=f"resend://key?api={provider.url}")
    assert "Resend" in check()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("http://example.com", "starts with"),
        ("mail.example.com", "starts with"),
        ("smtp://", "needs a host"),
        ("smtp://host:port", "a port is"),
        ("smtp://host:0", "a port is"),
        ("smtp://host:99999", "a port is"),
        ("smtp://user:hunter#2@host", "percent-encode"),
        ("smtp://user:hunter/2@host", "percent-encode"),
        ("smtp://user:12/34@host", "percent-encode"),
        ("smtp://user:12?34@host", "percent-encode"),
        ("smtp://u:hunter2℀@host", "percent-encode"),
        (f"smtp://{'a' * 70}.example", "domain"),
        ("resend://", "needs a key"),
        ("resend://re_kéy", "in ASCII"),
        ("postmark://t%C3%A9", "in ASCII"),
        ("postmark://TOK:EN", "percent-encode"),
        ("postmark://token@host", "percent-encode"),
    ],
)
def test_what_is_no_transport(configure: Configure, value: str, problem: str) -> None:
    configure(url=value)
    with pytest.raises(SettingsError, match=f"EMAIL_URL.*{problem}") as error:
        load_settings(EmailSettings)
    assert "hunter" not in str(error.value)


@pytest.mark.parametrize(
    ("value", "key"), [("postmark://TOK%3AEN", "TOK:EN"), ("postmark://a%2Fb/?api=x", "a/b")]
)
def test_the_key_of_a_provider(configure: Configure, value: str, key: str) -> None:
    configure(url=value)
    parts = load_settings(EmailSettings).transport
    assert parts
    assert key_of(parts) == key


async def test_an_address_of_a_provider_that_cannot_be_read(configure: Configure) -> None:
    configure(url="postmark://key?api=http://host:99999")
    with pytest.raises(DeliveryError):
        await send()


def test_the_secret_of_resend_has_its_form(configure: Configure) -> None:
    configure(url="postmark://token", webhook_secret="a long enough password")
    load_settings(EmailSettings)
    configure(url="resend://key")
    with pytest.raises(SettingsError, match="EMAIL_WEBHOOK_SECRET"):
        load_settings(EmailSettings)


@pytest.mark.parametrize(
    "value",
    [
        "nobody",
        "Shop <shop>",
        "A <a@e.com>, b@e.com",
        "Shop, Inc. <a@e.com>",
        "Shop <a@example.org>\nBcc: b@c.de",
    ],
)
def test_what_is_no_sender(configure: Configure, value: str) -> None:
    configure(**{"from": value})
    with pytest.raises(SettingsError, match="EMAIL_FROM"):
        load_settings(EmailSettings)


def test_the_domain_of_the_sender_is_in_ascii(configure: Configure) -> None:
    configure(**{"from": '"Shop, Inc." <shop@faß.example>'})
    settings = load_settings(EmailSettings)
    assert (settings.sender_name, settings.domain) == ("Shop, Inc.", "xn--fa-hia.example")


def test_production_requires_a_transport(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    configure(url="", **{"from": ""}, api_url="http://api.example.org")
    names = {name for name, _ in EmailSettings().production_problems()}
    assert names == {"EMAIL_URL", "EMAIL_FROM", "EMAIL_API_URL"}
    configure(url="smtp+plain://mail.example.org", api_url="https://api.example.org")
    configure(**{"from": "a@example.org"})
    assert [name for name, _ in EmailSettings().production_problems()] == ["EMAIL_URL"]
    configure(url="smtp://mail.example.org")
    assert list(EmailSettings().production_problems()) == []
