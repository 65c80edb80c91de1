"""Mails on the admin site."""

from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.email import service
from app.extensions.email.models import MailState, Reason, Suppression
from app.extensions.email.recipients import suppress
from tests.extensions.admin.browser import Browser, codes
from tests.extensions.admin.conftest import admin, browser, no_sessions  # noqa: F401 - fixtures
from tests.extensions.admin.test_audit import entries
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
