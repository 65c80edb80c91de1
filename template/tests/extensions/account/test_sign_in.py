"""Signing in and out, and who is refused."""

from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.sessions.service import attempts, life
from app.extensions.users import service as users
from app.extensions.users.models import Role, Status
from app.extensions.users.settings import Approval, UserSettings
from devstack.supabase import LocalSupabase
from devstack.supabase.store import User
from tests.extensions.account.conftest import NewBrowser
from tests.support.pages import PASSWORD, Browser, is_sign_in, notices
from tests.support.people import Person, SignIn


async def test_a_page_leads_to_the_sign_in_and_back(browser: Browser, sign_in: SignIn) -> None:
    asked = await browser.get("/account/password?x=1&y=2")
    assert asked.status_code == 303
    form = await browser.follow(asked)
    assert 'name="next" value="/account/password?x=1&amp;y=2"' in form.text
    answer = await browser.sign_in(await sign_in(), next="/account/password?x=1&y=2")
    assert answer.headers["location"] == "/account/password?x=1&y=2"
    assert await browser.is_signed_in()


@pytest.mark.parametrize(
    "wanted",
    [
        "https://example.com",
        "//example.com",
        "/\\example.com",
        "/\t/example.com",
        "javascript:alert(1)",
        "example.com",
        "",
    ],
)
async def test_a_sign_in_leads_to_no_other_site(
    browser: Browser, sign_in: SignIn, wanted: str
) -> None:
    answer = await browser.sign_in(await sign_in(), next=wanted)
    assert answer.headers["location"] == "/account"


async def test_htmx_is_told_to_load_the_sign_in(browser: Browser) -> None:
    headers = {"HX-Request": "true", "HX-Request-Type": "partial"}
    answer = await browser.client.get("/account", headers=headers)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/account/sign-in")


async def test_programs_get_a_problem(browser: Browser) -> None:
    answer = await browser.client.get("/account", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_the_cookie_is_new_with_each_sign_in(browser: Browser, sign_in: SignIn) -> None:
    person = await sign_in()
    await browser.get("/account/sign-in")
    before = browser.cookie
    answer = await browser.sign_in(person)
    cookie = answer.headers["set-cookie"]
    assert cookie.partition("; ")[2] == "Max-Age=7776000; Path=/; HttpOnly; SameSite=Lax"
    assert browser.cookie not in ("", before)
    first = browser.cookie
    await browser.sign_in(person)
    # Neither the cookie that an attacker may have set, nor that of the previous session.
    for old in (before, first):
        browser.cookie = old
        assert not await browser.is_signed_in()


async def test_a_stolen_cookie_is_worth_nothing_after_sign_out(
    browser: Browser, person: Person, supabase: LocalSupabase
) -> None:
    stolen, there = browser.cookie, set(supabase.auth.store.sessions)
    answer = await browser.post("/account/sign-out")
    assert answer.headers["clear-site-data"] == '"cache"'
    assert notices(await browser.follow(answer)) == ["You have signed out."]
    browser.cookie = stolen
    assert not await browser.is_signed_in()
    assert len(there - set(supabase.auth.store.sessions)) == 1


async def test_a_sign_out_everywhere_ends_all_sessions_here_and_at_auth(
    new_browser: NewBrowser, browser: Browser, person: Person, supabase: LocalSupabase
) -> None:
    other = new_browser()
    await other.sign_in(person)
    await browser.post("/account/sign-out", everywhere="yes")
    assert not await browser.is_signed_in()
    assert not await other.is_signed_in()
    assert str(person.id) not in {each.user_id for each in supabase.auth.store.sessions.values()}


async def test_an_error_page_knows_who_has_signed_in(
    new_browser: NewBrowser, browser: Browser, person: Person
) -> None:
    mine, strange = await browser.get("/nothing"), await new_browser().get("/nothing")
    assert (mine.status_code, strange.status_code) == (404, 404)
    assert 'href="/account"' in mine.text
    assert 'href="/account/sign-in"' in strange.text


async def test_a_wrong_password_keeps_the_address(browser: Browser, sign_in: SignIn) -> None:
    person = await sign_in()
    answer = await browser.sign_in(person, "not the password")
    assert answer.status_code == 422
    assert notices(answer) == ["The address or the password is wrong."]
    assert f'value="{person.email}"' in answer.text
    assert "not the password" not in answer.text


async def test_fields_that_are_missing_are_named(browser: Browser) -> None:
    await browser.get("/account/sign-in")
    answer = await browser.post("/account/sign-in", email="")
    assert answer.status_code == 422
    assert answer.text.count("Please fill this in.") == 2
    assert 'aria-describedby="email-error"' in answer.text


async def test_guesses_are_limited(browser: Browser, sign_in: SignIn) -> None:
    person = await sign_in()
    for _ in range(attempts.PER_ACCOUNT):
        assert (await browser.sign_in(person, "a guess")).status_code == 422
    assert (await browser.sign_in(person)).status_code == 429
    assert (await browser.sign_in(await sign_in())).status_code == 303


async def test_an_outage_of_auth_is_said(
    browser: Browser, sign_in: SignIn, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await sign_in()
    await browser.get("/account/sign-in")
    monkeypatch.setattr(app.state.supabase, "url", "http://127.0.0.1:1")
    answer = await browser.post("/account/sign-in", email=person.email, password="x")
    assert answer.status_code == 503
    assert "Supabase Auth does not answer" in notices(answer)[0]


async def test_an_account_that_waits_sees_its_account_only(
    browser: Browser, sign_in: SignIn
) -> None:
    await browser.sign_in(await sign_in(status=Status.PENDING))
    answer = await browser.get("/account")
    assert answer.status_code == 200
    assert "waiting for approval" in notices(answer)[0]


async def test_an_account_that_waits_is_told_so_on_other_pages(
    browser: Browser, sign_in: SignIn
) -> None:
    await browser.sign_in(await sign_in(status=Status.PENDING))
    answer = await browser.get("/progress/00000000-0000-0000-0000-000000000000")
    assert answer.status_code == 403
    assert 'data-code="account_pending"' in answer.text
    assert "<h1>Waiting for approval</h1>" in answer.text


async def test_a_confirmed_address_approves_where_that_is_enough(
    browser: Browser, supabase: LocalSupabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = UserSettings(approval=Approval.EMAIL)
    monkeypatch.setattr(users, "load_settings", lambda _: settings)
    await browser.get("/account/sign-up")
    address = f"{uuid4().hex}@example.com"
    await browser.post("/account/sign-up", email=address, password=PASSWORD)
    page = await browser.get("/progress/00000000-0000-0000-0000-000000000000")
    assert page.status_code == 404


async def test_a_second_factor_that_is_no_app_is_not_bypassed(
    browser: Browser, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, public = await sign_in(), User.public
    factors = {"factors": [{"id": "1", "status": "verified", "factor_type": "phone"}]}
    monkeypatch.setattr(User, "public", lambda user: public(user) | factors)
    answer = await browser.sign_in(person)
    assert answer.status_code == 422
    assert "second factor" in notices(answer)[0]
    assert not await browser.is_signed_in()


@pytest.mark.parametrize("forged", ["", "x", "x" * 5000, "%00"])
async def test_a_forged_cookie_signs_nobody_in(browser: Browser, forged: str) -> None:
    browser.cookie = forged
    assert is_sign_in(await browser.get("/account"))


async def test_another_role_gives_another_cookie(
    browser: Browser, person: Person, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "GRACE", 1)
    before = browser.cookie
    await users.set_role(session, person.id, Role.SUPPORT)
    assert await browser.is_signed_in()
    after = browser.cookie
    assert after != before
    assert await browser.is_signed_in()
    assert browser.cookie == after


async def test_a_change_in_the_request_after_another_role_is_made(
    browser: Browser, person: Person, session: AsyncSession
) -> None:
    before = browser.cookie
    await users.set_role(session, person.id, Role.SUPPORT)
    answer = await browser.post("/account/confirm", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert browser.cookie != before
    assert (await browser.get("/account/email")).status_code == 200
