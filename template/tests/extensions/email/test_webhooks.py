"""Calls of Supabase Auth and of providers."""

import base64
import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from httpx import AsyncClient
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession
from standardwebhooks import Webhook

from app.core.settings import get_settings
from app.extensions.email import delivery, service
from app.extensions.email.models import MailRecord, MailState, Reason, Suppression
from app.extensions.email.recipients import suppress
from devstack.inbox import InboxServer
from tests.extensions.email.conftest import Configure
from tests.extensions.email.shop import news, shipped

ADA, NEW = "ada@example.com", "ada@new.example.com"
SECRET = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
PATH = "/api/v1/webhooks/email"


def signed(body: bytes, prefix: str, message: str = "msg_1") -> dict[str, str]:
    now = datetime.now(UTC)
    signature = Webhook(SECRET).sign(message, now, body.decode())
    values = {"id": message, "timestamp": str(int(now.timestamp())), "signature": signature}
    return {f"{prefix}-{name}": value for name, value in values.items()}


Call = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def auth(client: AsyncClient, monkeypatch: pytest.MonkeyPatch, configure: Configure) -> Call:
    """Call the hook Send Email as Auth does."""
    monkeypatch.setenv("USER_HOOK_SECRETS", f"v1,{SECRET}")
    configure()

    async def call(kind: str, message: str = "", user: Any = None, **data: str) -> httpx.Response:
        user = {"id": str(uuid4()), "email": ADA, "new_email": "", **(user or {})}
        content = {
            "token": "123456",
            "token_hash": "hash",
            "redirect_to": "https://app.example.com/a?b=c",
            "email_action_type": kind,
            "site_url": "https://x.supabase.co",
            "token_new": "",
            "token_hash_new": "",
            **data,
        }
        body = json.dumps({"user": user, "email_data": content}).encode()
        headers = signed(body, "webhook", message or uuid4().hex)
        return await client.post(f"{PATH}/send-email", content=body, headers=headers)

    return call


async def deliver_all(session: AsyncSession) -> None:
    waiting = select(MailRecord.id).where(MailRecord.state == MailState.QUEUED)
    for mail_id in (await session.exec(waiting.order_by(MailRecord.id))).all():  # type: ignore[arg-type]
        await delivery.deliver(session, mail_id)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("signup", "confirm_address"),
        ("magiclink", "sign_in_link"),
        ("recovery", "reset_password"),
        ("invite", "invitation"),
    ],
)
async def test_mails_of_auth_with_a_link(
    auth: Call, session: AsyncSession, server: InboxServer, kind: str, name: str
) -> None:
    answer = await auth(kind)
    assert (answer.status_code, answer.json()) == (200, {})
    await deliver_all(session)
    (mail,) = server.inbox
    link = f"{get_settings().supabase_url}/auth/v1/verify?token=hash&type={kind}&redirect_to="
    assert link in mail.text
    (record,) = await session.exec(select(MailRecord))
    assert (record.name, record.data) == (f"email.{name}", None)


async def test_auth_calls_twice(auth: Call, session: AsyncSession, server: InboxServer) -> None:
    for _ in range(2):
        assert (await auth("signup", "msg_7")).status_code == 200
    await deliver_all(session)
    assert len(server.inbox) == 1


async def test_a_code_without_a_link(
    auth: Call, session: AsyncSession, server: InboxServer
) -> None:
    await auth("reauthentication", token_hash="")
    await deliver_all(session)
    (mail,) = server.inbox
    assert "123456" in mail.text
    assert "verify" not in mail.text


async def test_a_change_of_address_asks_both(
    auth: Call, session: AsyncSession, server: InboxServer
) -> None:
    """The names of the two hashes are crossed, see the docs of Supabase."""
    both = {"token_new": "654321", "token_hash_new": "hash_new"}
    await auth("email_change", user={"new_email": NEW}, **both)
    await deliver_all(session)
    old, new = server.inbox
    assert (old.recipients, new.recipients) == ((ADA,), (NEW,))
    assert "123456" in old.text
    assert "token=hash_new&" in old.text
    assert "654321" in new.text
    assert "token=hash&" in new.text


async def test_a_change_of_address_asks_the_new_one(
    auth: Call, session: AsyncSession, server: InboxServer
) -> None:
    await auth("email_change", user={"new_email": NEW})
    await deliver_all(session)
    assert [mail.recipients for mail in server.inbox] == [(NEW,)]


async def test_notices(auth: Call, session: AsyncSession, server: InboxServer) -> None:
    await auth("password_changed_notification", token="", token_hash="")
    await deliver_all(session)
    (mail,) = server.inbox
    assert "Password changed." in mail.text


async def test_auth_learns_what_cannot_be_sent(auth: Call, session: AsyncSession) -> None:
    answer = await auth("moon")
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_mail")
    await suppress(session, ADA, Reason.BOUNCE)
    answer = await auth("signup")
    assert (answer.status_code, answer.json()["error"]["http_code"]) == (200, 422)


async def test_calls_must_be_signed(client: AsyncClient, auth: Call) -> None:
    answer = await client.post(f"{PATH}/send-email", json={}, headers={"webhook-id": "1"})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")


# --- Providers --------------------------------------------------------------------------------


@pytest.fixture
def resend(client: AsyncClient, configure: Configure) -> Call:
    configure(webhook_secret=SECRET)

    async def call(kind: str, **data: Any) -> httpx.Response:
        body = json.dumps({"type": kind, "data": {"to": [ADA], **data}}).encode()
        return await client.post(f"{PATH}/resend", content=body, headers=signed(body, "svix"))

    return call


@pytest.fixture
def postmark(client: AsyncClient, configure: Configure) -> Call:
    configure(webhook_secret="a long enough password")

    async def call(
        kind: str, password: str = "a long enough password", **data: Any
    ) -> httpx.Response:
        body = {"RecordType": kind, "Email": ADA, **data}
        return await client.post(f"{PATH}/postmark", json=body, auth=("postmark", password))

    return call


async def reason(session: AsyncSession) -> Reason | None:
    found = await session.get(Suppression, ADA)
    return found.reason if found else None


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("email.bounced", {"bounce": {"type": "Permanent", "message": "550"}}, Reason.BOUNCE),
        ("email.bounced", {"bounce": {"type": "Transient"}}, None),
        ("email.complained", {}, Reason.COMPLAINT),
        ("email.suppressed", {}, Reason.BOUNCE),
        ("email.delivered", {}, None),
    ],
)
async def test_events_of_resend(
    resend: Call, session: AsyncSession, kind: str, data: Any, expected: Reason | None
) -> None:
    for _ in range(2):
        assert (await resend(kind, **data)).status_code == 204
    assert await reason(session) is expected
    state = (await service.send(session, shipped(ADA))).state
    assert state is (MailState.SUPPRESSED if expected else MailState.QUEUED)


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("Bounce", {"Type": "HardBounce", "Inactive": True}, Reason.BOUNCE),
        ("Bounce", {"Type": "Transient", "Inactive": False}, None),
        ("SpamComplaint", {}, Reason.COMPLAINT),
        (
            "SubscriptionChange",
            {"Email": None, "Recipient": ADA, "SuppressSending": True}
            | {"SuppressionReason": "HardBounce"},
            Reason.BOUNCE,
        ),
        (
            "SubscriptionChange",
            {"SuppressSending": True, "SuppressionReason": "SpamComplaint"},
            Reason.COMPLAINT,
        ),
        ("Bounce", {"Inactive": True, "Description": "no\0such"}, Reason.BOUNCE),
        ("Delivery", {}, None),
    ],
)
async def test_events_of_postmark(
    postmark: Call, session: AsyncSession, kind: str, data: Any, expected: Reason | None
) -> None:
    for _ in range(2):
        assert (await postmark(kind, **data)).status_code == 204
    assert await reason(session) is expected


async def test_who_unsubscribes_at_postmark_still_gets_other_mails(
    postmark: Call, session: AsyncSession
) -> None:
    change = {"SuppressSending": True, "SuppressionReason": "ManualSuppression"}
    assert (await postmark("SubscriptionChange", **change)).status_code == 204
    assert (await service.send(session, news(ADA))).outcomes == {ADA: "unwanted"}
    assert (await service.send(session, shipped(ADA))).state is MailState.QUEUED


@pytest.mark.parametrize("first", Reason)
async def test_postmark_releases_what_providers_have_reported(
    postmark: Call, session: AsyncSession, first: Reason
) -> None:
    await suppress(session, ADA, first)
    for _ in range(2):
        answer = await postmark("SubscriptionChange", SuppressSending=False)
        assert answer.status_code == 204
    assert await reason(session) is (first if first is Reason.MANUAL else None)


async def test_resend_does_not_tell_which_of_several_has_bounced(
    resend: Call, session: AsyncSession
) -> None:
    assert (await resend("email.complained", to=[ADA, NEW])).status_code == 204
    assert await reason(session) is None


async def test_events_must_be_authentic(
    client: AsyncClient, resend: Call, postmark: Call, configure: Configure, session: AsyncSession
) -> None:
    answer = await postmark("SpamComplaint", "another")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
    configure(webhook_secret=SECRET)
    body = b'{"type": "email.complained", "data": {"to": ["ada@example.com"]}}'
    headers = signed(body + b" ", "svix")
    answer = await client.post(f"{PATH}/resend", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
    assert await reason(session) is None
    configure(webhook_secret="a password for Postmark")
    answer = await client.post(f"{PATH}/resend", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "webhook_not_set_up")
    for call in (resend, postmark):
        configure(webhook_secret="")
        answer = await call("x")
        assert (answer.status_code, answer.json()["code"]) == (403, "webhook_not_set_up")


async def test_events_that_cannot_be_read(postmark: Call, client: AsyncClient) -> None:
    url, sign_in = f"{PATH}/postmark", ("postmark", "a long enough password")
    for body in (
        "[]",
        "x",
        '{"a": 1}',
        f'{{"a": {"[" * 20_000}{"]" * 20_000}}}',
        r'{"a": "\ud800"}',
    ):
        answer = await client.post(url, content=body, auth=sign_in)
        assert answer.status_code == 400


async def test_the_scheme_of_the_password_has_any_case(postmark: Call, client: AsyncClient) -> None:
    encoded = base64.b64encode(b"postmark:a long enough password").decode()
    headers = {"authorization": f"basic {encoded}"}
    event = {"RecordType": "Delivery"}
    answer = await client.post(f"{PATH}/postmark", json=event, headers=headers)
    assert answer.status_code == 204
    headers = {"authorization": f"Bearer {encoded}"}
    answer = await client.post(f"{PATH}/postmark", json=event, headers=headers)
    assert answer.status_code == 401
