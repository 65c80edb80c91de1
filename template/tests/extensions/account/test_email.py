"""Another address: both mails, by link and by code."""

from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.users import service as users
from devstack.supabase import LocalSupabase
from tests.extensions.account.conftest import NewBrowser
from tests.extensions.account.test_mails import code_of, path_of_link
from tests.support.pages import Browser, notices
from tests.support.people import Person


@pytest.fixture
def new() -> str:
    return f"{uuid4().hex}@example.com"


async def ask(browser: Browser, new: str) -> str:
    await browser.confirm()
    answer = await browser.post("/account/email", email=new)
    assert answer.status_code == 200, answer.text
    return answer.text


async def stored(session: AsyncSession, user_id: UUID) -> str | None:
    session.expire_all()
    return (await users.get(session, user_id)).email


async def test_both_links_change_the_address(
    browser: Browser, person: Person, supabase: LocalSupabase, session: AsyncSession, new: str
) -> None:
    await ask(browser, new)
    first = await browser.get(await path_of_link(supabase, new))
    assert first.status_code == 200
    assert "to the other address" in first.text
    assert await stored(session, person.id) == person.email
    answer = await browser.get(await path_of_link(supabase, person.email))
    assert notices(await browser.follow(answer)) == ["Your address is changed."]
    assert await stored(session, person.id) == new
    assert new in (await browser.get("/account")).text


async def test_both_codes_change_the_address_in_any_order(
    browser: Browser, person: Person, supabase: LocalSupabase, session: AsyncSession, new: str
) -> None:
    await ask(browser, new)
    for code in ("0", ""):
        wrong = await browser.post("/account/email/code", email=new, code=code)
        assert wrong.status_code == 422
    old_code, new_code = code_of(supabase, person.email), code_of(supabase, new)
    half = await browser.post("/account/email/code", email=new, code=old_code)
    assert half.status_code == 200
    assert "Now the other one" in notices(half)[0]
    answer = await browser.post("/account/email/code", email=new, code=new_code)
    assert notices(await browser.follow(answer)) == ["Your address is changed."]
    assert await stored(session, person.id) == new


async def test_a_confirmation_is_asked_for_first(browser: Browser, person: Person) -> None:
    there = "/account/confirm?next=%2Faccount%2Femail"
    assert (await browser.get("/account/email")).headers["location"] == there
    answer = await browser.post("/account/email", email="x@example.com")
    assert answer.headers["location"] == there


async def test_the_answer_does_not_tell_whether_the_address_has_an_account(
    browser: Browser, new_browser: NewBrowser, person: Person, supabase: LocalSupabase, new: str
) -> None:
    taken = f"taken-{new}"
    supabase.user(taken)
    answers = {}
    for address in (new, taken):
        page = await ask(browser, address)
        answers[address] = page.replace(address, "").partition("<main")[2]
    assert answers[new] == answers[taken]
    assert not any(mail.to == taken for mail in supabase.mailbox.mails)


async def test_a_message_in_the_address_is_not_shown(
    browser: Browser, person: Person, new: str
) -> None:
    await ask(browser, new)
    page = await browser.get("/account/follow", message="<b>Call 555-1234</b>")
    assert "555" not in page.text


async def test_an_address_that_is_none_is_refused(
    browser: Browser, person: Person, app: FastAPI
) -> None:
    await browser.confirm()
    answer = await browser.post("/account/email", email="nobody")
    assert answer.status_code == 422
    assert 'aria-describedby="email-error"' in answer.text
