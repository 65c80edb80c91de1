"""Mails on the admin site."""

import re
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from httpx import AsyncClient
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.email import delivery, service
from app.extensions.email.models import MailRecord, MailState, Reason, Suppression
from app.extensions.email.recipients import suppress
from devstack.inbox import InboxServer
from devstack.inbox.store import Received
from devstack.supabase import LocalSupabase
from tests.extensions.admin.browser import Browser, codes
from tests.extensions.admin.conftest import admin, browser, no_sessions  # noqa: F401 - fixtures
from tests.extensions.admin.test_audit import entries
from tests.extensions.email.conftest import Configure
from tests.extensions.email.shop import shipped
from tests.support.people import Person


async def test_a_failed_mail_is_seen_and_sent_again(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    session: AsyncSession,
) -> None:
    record = await service.send(session, shipped(name="a secret code"))
    record.state, record.error = MailState.FAILED, "550 5.1.1 no such user"
    await session.commit()
    for path in ("list", f"details/{record.id}"):
        page = (await browser.get(f"/mail-record/{path}")).text
        assert "550 5.1.1 no such user" in page
        assert "a secret code" not in page
    assert (await browser.post(f"/mail-record/action/retry?pks={record.id}")).status_code == 303
    await session.refresh(record)
    assert record.state is MailState.QUEUED
    record.state, record.data = MailState.SENT, None
    await session.commit()
    answer = await browser.post(f"/mail-record/action/retry?pks={record.id}")
    assert (answer.status_code, codes(answer)) == (409, ["mail_not_failed"])


async def test_an_admin_approves_by_the_link_of_the_mail(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    client: AsyncClient,
    session: AsyncSession,
    supabase: LocalSupabase,
    server: InboxServer,
    configure: Configure,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("USER_APPROVAL", "admin")
    configure(app_url="https://app.example.com/start")
    email = f"{uuid4().hex}@example.com"
    headers = {"Authorization": f"Bearer {supabase.issue_token(email)}"}

    async def newest() -> Received:
        waiting = select(MailRecord.id).where(col(MailRecord.state) == MailState.QUEUED)
        for mail_id in (await session.exec(waiting)).all():
            await delivery.deliver(session, mail_id)
        (mail,) = server.inbox
        server.inbox.delete()
        return mail

    answer = await client.get("/api/v1/users/me", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "account_pending")
    mail = await newest()
    assert mail.recipients == (admin.email,)
    (link,) = re.findall(r"http\S+", mail.text)
    path = urlsplit(link).path.removeprefix("/admin")
    page = await browser.get(path)
    assert (page.status_code, email in page.text) == (200, True)
    user = path.rpartition("/")[2]
    assert (await browser.post(f"/user/action/approve?pks={user}")).status_code == 303
    mail = await newest()
    assert mail.recipients == (email,)
    assert "https://app.example.com/start" in mail.text
    assert (await client.get("/api/v1/users/me", headers=headers)).status_code == 200


async def test_an_address_is_released(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    session: AsyncSession,
) -> None:
    await suppress(session, "ada@example.com", Reason.BOUNCE, "550")
    await session.commit()
    assert "ada@example.com" in (await browser.get("/suppression/list")).text
    url = "/suppression/action/release?pks=ada%40example.com"
    assert (await browser.post(url, reason="a new mailbox")).status_code == 303
    session.expire_all()
    assert await session.get(Suppression, "ada@example.com") is None
    (entry,) = await entries(session, action="release")
    assert (entry.subject_id, entry.reason) == ("ada@example.com", "a new mailbox")


async def test_the_dashboard_counts(browser: Browser, admin: Person) -> None:  # noqa: F811
    assert "Mails" in (await browser.get("/")).text
