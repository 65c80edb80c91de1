"""Mails about credits, for users who switch them on."""

from datetime import timedelta

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.credits.service import accounts, entries, periods
from app.extensions.credits_email.tasks import report_low_balances, report_usage
from app.extensions.email.models import MailRecord
from app.extensions.email.recipients import set_preference
from app.extensions.users import service
from app.extensions.users.models import Status
from tests.support.people import SignIn


async def mails(session: AsyncSession) -> list[tuple[str, list[str]]]:
    found = await session.exec(select(MailRecord.name, MailRecord.recipients))
    return [(name, list(recipients)) for name, recipients in found]


async def test_a_low_balance_is_told_once_to_those_who_want_it(
    session: AsyncSession, sign_in: SignIn
) -> None:
    poor, rich, silent, away = [await sign_in() for _ in range(4)]
    for person in (poor, rich, away):
        await set_preference(session, person.email, "credits_balance", wanted=True)
    for person in (poor, silent, away):
        balance = (await session.run_sync(accounts.get_balance, person.id)).balance
        await session.run_sync(entries.adjust, person.id, 5 - balance, "Spent")
    await service.set_status(session, away.id, Status.SUSPENDED)
    before = await mails(session)  # the one about the suspension
    for _ in range(2):
        await report_low_balances.function(session)
    found = await mails(session)
    assert [each for each in found if each not in before] == [
        ("credits_email.low_balance", [poor.email])
    ]


async def test_the_report_on_a_week(
    session: AsyncSession, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, idle = await sign_in(), await sign_in()
    for person in (busy, idle):
        await set_preference(session, person.email, "credits_report", wanted=True)
    await session.run_sync(accounts.get_balance, busy.id)  # it opens the account, with an entry
    await report_usage.function(session)
    assert await mails(session) == []
    today = periods.today()
    monkeypatch.setattr(periods, "today", lambda: today + timedelta(days=7))
    for _ in range(2):
        await report_usage.function(session)
    assert await mails(session) == [("credits_email.usage_report", [busy.email])]
