"""How long a session lasts, what Redis knows, and the tokens of Auth."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.settings import get_settings, load_settings
from app.extensions.account.pages.overview import describe
from app.extensions.sessions.service import auth, life, store
from app.extensions.sessions.service.auth import Grant
from app.extensions.sessions.service.browser import key_of
from app.extensions.sessions.service.store import Session
from app.extensions.sessions.settings import SessionSettings
from app.extensions.users import service as users
from app.extensions.users.models import Role
from devstack.supabase import LocalSupabase
from tests.extensions.account.conftest import NewBrowser
from tests.support.pages import PASSWORD, Browser, notices
from tests.support.people import Person

TOKEN = "/auth/v1/token"


async def stored(app: FastAPI, person: Person) -> Session:
    ((session, _),) = await store.of_user(app.state.redis, person.id)
    return session


async def change(app: FastAPI, session: Session) -> None:
    content = store._ADAPTER.dump_json(session)
    await app.state.redis.set(store._name(session.key), content, keepttl=True)


async def test_a_session_ends_when_it_is_not_used(
    browser: Browser, person: Person, app: FastAPI
) -> None:
    name = store._name((await stored(app, person)).key)
    idle = load_settings(SessionSettings).idle_minutes * 60
    await app.state.redis.expire(name, 5)
    assert await browser.is_signed_in()
    assert await app.state.redis.ttl(name) > idle - 5
    await app.state.redis.expire(name, 0)
    assert not await browser.is_signed_in()


async def test_a_session_ends_even_if_it_is_used(
    browser: Browser, person: Person, app: FastAPI
) -> None:
    session = await stored(app, person)
    days = (session.expires_at - time.time()) / 86_400
    assert 0 < load_settings(SessionSettings).days - days < 0.1
    await change(app, replace(session, expires_at=time.time() - 1))
    assert not await browser.is_signed_in()


async def test_the_content_of_redis_is_worth_nothing_without_the_cookie(
    browser: Browser, person: Person, app: FastAPI, supabase: LocalSupabase
) -> None:
    redis = app.state.redis
    content = b""
    async for key in redis.scan_iter("*session*"):
        content += key + (await redis.get(key) if await redis.type(key) == b"string" else b"")
    assert str(person.id).encode() in content
    (there,) = [
        each
        for each in supabase.auth.store.sessions.values()
        if each.user_id == str(person.id) and each.method == "password"
    ][-1:]
    for secret in (browser.cookie, there.refresh_token, "eyJ"):
        assert secret.encode() not in content


async def test_tokens_are_replaced_once_although_many_requests_need_them(
    browser: Browser, person: Person, app: FastAPI, supabase: LocalSupabase
) -> None:
    await change(app, replace(await stored(app, person), tokens_expire_at=time.time() + 1))
    calls = supabase.traffic.calls[TOKEN]
    supabase.traffic.delays[TOKEN] = 0.3
    try:
        answers = await asyncio.gather(*(browser.client.get("/account") for _ in range(50)))
    finally:
        supabase.traffic.heal()
    assert {answer.status_code for answer in answers} == {200}
    assert supabase.traffic.calls[TOKEN] - calls == 1
    assert (await stored(app, person)).tokens_expire_at > time.time() + 3000
    assert await browser.is_signed_in()


@pytest.mark.parametrize("meanwhile", ["another role", "a sign-out"])
async def test_a_confirmation_does_not_keep_a_cookie_alive_that_another_request_has_replaced(
    browser: Browser,
    person: Person,
    app: FastAPI,
    session: AsyncSession,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: str,
) -> None:
    old = key_of(browser.cookie)
    check_password = auth.check_password

    async def check_and_race(*details: Any) -> Grant:
        if meanwhile == "a sign-out":
            await browser.client.post("/account/sign-out", data={"csrf_token": browser.token})
        else:
            await users.set_role(session, person.id, Role.SUPPORT)
            await browser.client.get("/account")
        assert key_of(browser.cookie) != old
        return await check_password(*details)

    monkeypatch.setattr(auth, "check_password", check_and_race)
    await browser.confirm()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + life.GRACE + 1)
    assert await store.get(app.state.redis, old) is None
    assert await browser.is_signed_in() is (meanwhile == "another role")


async def test_a_session_that_ended_at_auth_ends_here(
    browser: Browser, person: Person, app: FastAPI, supabase: LocalSupabase
) -> None:
    supabase.auth.end_sessions(supabase.user(person.email))
    await change(app, replace(await stored(app, person), tokens_expire_at=time.time() + 1))
    assert not await browser.is_signed_in()
    assert await store.of_user(app.state.redis, person.id) == []


async def test_an_outage_of_auth_ends_no_session(
    browser: Browser, person: Person, app: FastAPI, supabase: LocalSupabase
) -> None:
    await change(app, replace(await stored(app, person), tokens_expire_at=time.time() + 1))
    supabase.traffic.fail(TOKEN, 503)
    try:
        answer = await browser.get("/account")
    finally:
        supabase.traffic.heal()
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert await browser.is_signed_in()


async def test_my_sessions_are_listed_and_one_can_be_ended(
    new_browser: NewBrowser, browser: Browser, person: Person
) -> None:
    other = new_browser()
    await other.sign_in(person)
    page = await browser.get("/account")
    assert page.text.count("<strong>Firefox on Linux</strong>") == 2
    assert page.text.count("this browser") == 1
    number = page.text.partition('name="number" value="')[2].partition('"')[0]
    answer = await browser.post("/account/sessions/end", number=number)
    assert notices(await browser.follow(answer)) == ["That browser is signed out."]
    assert not await other.is_signed_in()
    assert await browser.is_signed_in()


async def test_a_session_of_somebody_else_cannot_be_ended(
    new_browser: NewBrowser, browser: Browser, person: Person, app: FastAPI
) -> None:
    mine = await stored(app, person)
    other = new_browser()
    await other.get("/account/sign-up")
    await other.post("/account/sign-up", email=f"x{person.email}", password=PASSWORD)
    await other.get("/account")
    await other.post("/account/sessions/end", number=mine.key[:16])
    assert await browser.is_signed_in()


async def test_another_password_needs_the_current_one_and_ends_other_sessions(
    new_browser: NewBrowser, browser: Browser, person: Person
) -> None:
    other = new_browser()
    await other.sign_in(person)
    await browser.get("/account/password")
    wrong = await browser.post("/account/password", current="wrong", password="another one 1")
    assert wrong.status_code == 422
    assert await other.is_signed_in()
    before = browser.cookie
    answer = await browser.post("/account/password", current=PASSWORD, password="another one 1")
    assert "changed" in notices(await browser.follow(answer))[0]
    assert not await other.is_signed_in()
    assert await browser.is_signed_in()
    browser.cookie = before
    assert not await browser.is_signed_in()


async def test_a_message_is_shown_once_and_cannot_be_forged(
    browser: Browser, person: Person
) -> None:
    await browser.post("/account/profile", display_name="Ada")
    assert notices(await browser.get("/account")) == ["Your profile is saved."]
    assert notices(await browser.get("/account")) == []
    browser.client.cookies.set("messages", "WyJIaSJd.0000")
    assert notices(await browser.get("/account")) == []


async def test_the_tokens_of_auth_reach_no_browser(browser: Browser, person: Person) -> None:
    pages = [await browser.get(path) for path in ("/account", "/account/password")]
    assert not any("eyJ" in page.text + str(page.headers) for page in pages)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140 Safari/537 Edg/140", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) Safari/604", "Safari on iPhone"),
        ("curl/8", "Unknown browser"),
    ],
)
def test_a_browser_has_a_name(agent: str, name: str) -> None:
    assert describe(agent) == name


async def test_forms_and_messages_survive_a_new_secret_key_until_the_old_one_is_removed(
    browser: Browser, person: Person, monkeypatch: pytest.MonkeyPatch, fresh_settings: None
) -> None:
    await browser.get("/account")
    form, path = browser.token, "/account/profile"
    saved = await browser.post(path, display_name="Ada")
    message = browser.client.cookies["messages"]

    monkeypatch.setenv("SECRET_KEY_PREVIOUS", get_settings().secret_key.get_secret_value())
    monkeypatch.setenv("SECRET_KEY", "another key " * 4)
    load_settings.cache_clear()
    assert len(notices(await browser.follow(saved))) == 1
    renewed, browser.token = browser.token, form
    assert renewed != form
    await browser.follow(await browser.post(path, display_name="Ada"))

    monkeypatch.delenv("SECRET_KEY_PREVIOUS")
    load_settings.cache_clear()
    browser.client.cookies.set("messages", message)
    page = await browser.get("/account")
    # The session stays: its cookie is random, and no key has signed it.
    assert (page.status_code, notices(page), browser.token) == (200, [], renewed)
    browser.token = form
    refused = await browser.post(path, display_name="Eve")
    assert (refused.status_code, 'data-code="csrf_failed"' in refused.text) == (403, True)
    browser.token = renewed
    assert (await browser.post(path, display_name="Ada")).status_code == 303
