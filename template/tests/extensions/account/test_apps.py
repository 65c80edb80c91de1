"""Authenticator apps: added, asked for by each sign-in, and removed."""

import base64
import re
import time
from urllib.parse import urlsplit
from uuid import uuid4

import jwt
import pytest
from fastapi import FastAPI

from app.extensions.sessions.service import attempts, store
from app.extensions.sessions.service import browser as browser_module
from devstack.supabase import LocalSupabase, codes
from tests.extensions.account.conftest import NewBrowser
from tests.extensions.account.test_mails import ask, path_of_link
from tests.support.pages import PASSWORD, Browser, is_sign_in, notices
from tests.support.people import Person

STEP = "/account/sign-in/code"
ELSEWHERE = pytest.mark.parametrize(
    "wanted", ["https://example.com", "//example.com", "/\\example.com"]
)


async def add_app(browser: Browser, name: str = "Phone") -> str:
    """Add an app as a person does, and return its secret."""
    await browser.confirm()
    page = await browser.follow(await browser.post("/account/apps/new", name=name))
    shown = re.search(r'<code id="secret">([A-Z2-7 ]+)</code>', page.text)
    assert shown
    secret = shown[1].replace(" ", "")
    answer = await browser.post("/account/apps/new/code", code=code_of(secret))
    assert notices(await browser.follow(answer)) == [
        "The app is added. Other browsers are signed out."
    ]
    return secret


def code_of(secret: str) -> str:
    code = codes.code_at(secret, time.time())
    return f"{code[:3]} {code[3:]}"


def wrong(secret: str) -> str:
    """Six digits that are none of the valid codes."""
    valid = {codes.code_at(secret, time.time() + step * 30) for step in range(-2, 3)}
    return next(each for each in ("000000", "111111", "222222", "333333") if each not in valid)


async def level(browser: Browser, person: Person, app: FastAPI) -> str:
    """The assurance level in the token that the session of a browser holds."""
    mine = browser_module.Browser(browser.cookie, is_new=False)
    session = await store.get(app.state.redis, mine.key)
    assert session
    assert session.user_id == person.id
    claims = jwt.decode(session.tokens(mine).access, options={"verify_signature": False})
    return str(claims["aal"])


async def test_an_app_is_added_after_a_confirmation(
    new_browser: NewBrowser, browser: Browser, person: Person, app: FastAPI
) -> None:
    other = new_browser()
    await other.sign_in(person)
    await browser.get("/account/apps")
    asked = await browser.post("/account/apps/new", name="Phone")
    assert asked.headers["location"] == "/account/confirm?next=%2Faccount%2Fapps"
    before = browser.cookie
    assert await level(browser, person, app) == "aal1"
    await add_app(browser)
    assert await level(browser, person, app) == "aal2"
    assert "<strong>Phone</strong>" in (await browser.get("/account/apps")).text
    assert not await other.is_signed_in()
    browser.cookie = before
    assert not await browser.is_signed_in()


async def test_the_picture_is_allowed_by_the_policy_and_shows_the_secret_once(
    browser: Browser, person: Person
) -> None:
    await browser.confirm()
    page = await browser.follow(await browser.post("/account/apps/new", name="Phone"))
    assert "img-src 'self' data:" in page.headers["content-security-policy"]
    image = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page.text)
    assert image
    drawn = base64.b64decode(image[1]).decode()
    assert drawn.startswith("<svg ")
    assert 'xmlns="http://www.w3.org/2000/svg"' in drawn
    secret = page.text.partition('<code id="secret">')[2].partition("</code>")[0].replace(" ", "")
    refused = await browser.post("/account/apps/new/code", code=wrong(secret))
    assert (refused.status_code, len(notices(refused))) == (422, 1)
    assert image[0] in refused.text
    await browser.post("/account/apps/new/code", code=code_of(secret))
    gone = await browser.get("/account/apps/new")
    assert gone.headers["location"] == "/account/apps"


async def test_a_sign_in_has_no_session_before_the_code(
    new_browser: NewBrowser, browser: Browser, person: Person, app: FastAPI
) -> None:
    secret = await add_app(browser)
    other = new_browser()
    asked = await other.sign_in(person, next="/account/password")
    assert asked.headers["location"] == f"{STEP}?next=%2Faccount%2Fpassword"
    held = other.cookie
    for path in ("/account", "/account/apps", "/account/password", "/account/confirm"):
        assert is_sign_in(await other.client.get(path)), path
    assert await store.get(app.state.redis, browser_module.key_of(held)) is None

    form = await other.follow(asked)
    assert 'name="next" value="/account/password"' in form.text
    refused = await other.post(STEP, code=wrong(secret), next="/account/password")
    assert (refused.status_code, len(notices(refused))) == (422, 1)
    assert not await other.is_signed_in()
    answer = await other.post(STEP, code=code_of(secret), next="/account/password")
    assert answer.headers["location"] == "/account/password"
    assert await level(other, person, app) == "aal2"
    assert other.cookie != held
    assert (await other.get(STEP)).headers["location"] == "/account/sign-in"
    other.cookie = held
    assert not await other.is_signed_in()
    assert (await other.get(STEP)).headers["location"] == "/account/sign-in"


@ELSEWHERE
async def test_the_second_step_leads_to_no_other_site(
    browser: Browser, person: Person, wanted: str
) -> None:
    secret = await add_app(browser)
    await browser.follow(await browser.sign_in(person, next=wanted))
    answer = await browser.post(STEP, code=code_of(secret), next=wanted)
    assert answer.headers["location"] == "/account"


async def test_a_sign_in_that_lacks_its_code_ends_the_session_before_it(
    browser: Browser, person: Person
) -> None:
    await add_app(browser)
    before = browser.cookie
    await browser.sign_in(person)
    browser.cookie = before
    assert not await browser.is_signed_in()


async def test_guesses_are_limited_although_the_password_is_right(
    browser: Browser, person: Person
) -> None:
    secret = await add_app(browser)
    for _ in range(attempts.PER_ACCOUNT // 2):
        await browser.follow(await browser.sign_in(person))
        for _ in range(2):
            assert (await browser.post(STEP, code=wrong(secret))).status_code == 422
    await browser.follow(await browser.sign_in(person))
    assert (await browser.post(STEP, code=code_of(secret))).status_code == 429
    assert not await browser.is_signed_in()


async def test_mails_ask_for_the_code_as_well(
    new_browser: NewBrowser, browser: Browser, person: Person, supabase: LocalSupabase
) -> None:
    secret = await add_app(browser)
    other = new_browser()
    await ask(other, "link", email=person.email)
    answer = await other.get(await path_of_link(supabase, person.email))
    assert answer.headers["location"] == STEP
    assert not await other.is_signed_in()

    await ask(other, "forgot", email=person.email)
    await other.follow(await other.get(await path_of_link(supabase, person.email)))
    answer = await other.post(STEP, code=code_of(secret))
    assert answer.headers["location"] == "/account/password"
    form = await other.follow(answer)
    assert 'name="current"' not in form.text
    changed = await other.post("/account/password", password="a different one 2")
    assert changed.status_code == 303


async def test_one_of_several_apps_is_chosen(browser: Browser, person: Person) -> None:
    first, second = await add_app(browser, "Phone"), await add_app(browser, "Tablet")
    form = await browser.follow(await browser.sign_in(person))
    ids = dict(re.findall(r'value="([^"]+)"[^>]*>\s*<label[^>]*>([^<]+)', form.text))
    tablet = next(each for each, name in ids.items() if name == "Tablet")
    assert (await browser.post(STEP, code=code_of(first), app=tablet)).status_code == 422
    assert (await browser.post(STEP, code=code_of(second), app=tablet)).status_code == 303


async def test_an_app_that_auth_did_not_name_is_not_asked(
    browser: Browser, person: Person, supabase: LocalSupabase
) -> None:
    secret = await add_app(browser)
    await browser.follow(await browser.sign_in(person))
    supabase.traffic.calls.clear()
    answer = await browser.post(STEP, code=code_of(secret), app="../admin")
    assert answer.status_code == 303
    assert not any("admin" in path for path in supabase.traffic.calls)


async def test_an_app_is_removed_with_its_code(
    browser: Browser, person: Person, app: FastAPI
) -> None:
    secret = await add_app(browser)
    page = (await browser.get("/account/apps")).text
    remove = re.findall(r'href="(/account/apps/[^"]+/remove)"', page)[0]
    await browser.get(remove)
    refused = await browser.post(remove, code=wrong(secret))
    assert (refused.status_code, len(notices(refused))) == (422, 1)
    answer = await browser.post(remove, code=code_of(secret))
    assert notices(await browser.follow(answer)) == ["The app is removed."]
    assert await level(browser, person, app) == "aal1"
    signed_in = await browser.sign_in(person)
    assert signed_in.headers["location"] == "/account"


async def test_an_app_of_somebody_else_cannot_be_removed(
    new_browser: NewBrowser, browser: Browser, person: Person
) -> None:
    secret = await add_app(browser)
    page = (await browser.get("/account/apps")).text
    remove = re.findall(r'href="(/account/apps/[^"]+/remove)"', page)[0]
    other = new_browser()
    await other.get("/account/sign-up")
    await other.post("/account/sign-up", email=f"x{person.email}", password=PASSWORD)
    await other.get("/account")
    assert (await other.post(remove, code=code_of(secret))).status_code == 404
    unknown = f"/account/apps/{uuid4()}/remove"
    assert (await browser.post(unknown, code=code_of(secret))).status_code == 404


async def test_a_hostile_name_of_an_app_is_only_text(browser: Browser, person: Person) -> None:
    hostile = "\"'><script>alert(1)</script>"
    await add_app(browser, hostile)
    await add_app(browser, "Tablet")
    taken = await browser.post("/account/apps/new", name=hostile)
    step = await browser.follow(await browser.sign_in(person))
    for page in (taken, step):
        assert "&lt;script&gt;alert(1)" in page.text
        assert "<script>alert" not in page.text


async def test_redis_knows_neither_the_secret_nor_the_tokens(
    browser: Browser, person: Person, app: FastAPI
) -> None:
    secret = await add_app(browser)
    await browser.sign_in(person)
    redis, content = app.state.redis, b""
    kinds = set()
    async for key in redis.scan_iter("*session*"):
        kinds.add(key.split(b":")[2 if b"session:" in key else 1])
        content += key + (await redis.get(key) if await redis.type(key) == b"string" else b"")
    assert b"pending" in kinds
    for each in (secret, "eyJ", browser.cookie):
        assert each.encode() not in content


async def test_a_page_is_confirmed_by_a_mail(
    browser: Browser, person: Person, supabase: LocalSupabase
) -> None:
    await browser.get("/account/confirm", next="/account/apps")
    sent = await browser.post("/account/confirm/mail", next="/account/apps")
    assert 'name="next" value="/account/apps"' in sent.text
    mail = [each for each in supabase.mailbox.mails if each.to == person.email][-1]
    refused = await browser.post("/account/confirm/code", code="0")
    assert (refused.status_code, len(notices(refused))) == (422, 1)
    answer = await browser.post("/account/confirm/code", code=mail.code, next="/account/apps")
    assert answer.headers["location"] == "/account/apps"
    added = await browser.post("/account/apps/new", name="Phone")
    assert urlsplit(added.headers["location"]).path == "/account/apps/new"


@ELSEWHERE
async def test_a_confirmation_leads_to_no_other_site(
    browser: Browser, person: Person, wanted: str
) -> None:
    await browser.get("/account/confirm", next=wanted)
    answer = await browser.post("/account/confirm", password=PASSWORD, next=wanted)
    assert answer.headers["location"] == "/account"


async def test_a_confirmation_needs_the_password_and_is_for_this_browser(
    new_browser: NewBrowser, browser: Browser, person: Person
) -> None:
    other = new_browser()
    await other.sign_in(person)
    await other.get("/account")
    refused = await browser.confirm("not the password")
    assert (refused.status_code, len(notices(refused))) == (422, 1)
    assert (await browser.confirm()).headers["location"] == "/account"
    for each, there in ((browser, "/account/apps/new"), (other, "/account/confirm")):
        answer = await each.post("/account/apps/new", name="Phone")
        assert urlsplit(answer.headers["location"]).path == there
