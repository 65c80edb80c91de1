"""Links and codes of mails: confirm an address, sign in, and set a forgotten password."""

import html
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import httpx
import pytest

from devstack.supabase import LocalSupabase
from tests.extensions.account.conftest import NewBrowser
from tests.support.pages import PASSWORD, Browser, notices
from tests.support.people import Person, SignIn


@pytest.fixture
def email() -> str:
    return f"{uuid4().hex}@example.com"


async def path_of_link(supabase: LocalSupabase, email: str) -> str:
    """Where the link of the last mail leads to."""
    mail = [each for each in supabase.mailbox.mails if each.to == email][-1]
    async with httpx.AsyncClient(trust_env=False) as client:
        there = (await client.get(mail.link)).headers["location"]
    parts = urlsplit(there)
    assert parts.netloc == "testserver"
    return f"{parts.path}?{parts.query}"


def code_of(supabase: LocalSupabase, email: str) -> str:
    return next(each for each in reversed(supabase.mailbox.mails) if each.to == email).code


async def ask(browser: Browser, page: str, **fields: str) -> str:
    await browser.get(f"/account/{page}")
    answer = await browser.post(f"/account/{page}", **fields)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_an_address_is_confirmed_by_link(
    browser: Browser, confirming: LocalSupabase, email: str
) -> None:
    page = await ask(browser, "sign-up", email=email, password=PASSWORD)
    assert "Look into your mailbox" in page
    assert not await browser.is_signed_in()
    answer = await browser.get(await path_of_link(confirming, email))
    assert notices(await browser.follow(answer)) == ["Your address is confirmed."]
    assert await browser.is_signed_in()


async def test_a_link_in_another_browser_is_refused_and_the_code_works_there(
    browser: Browser, new_browser: NewBrowser, confirming: LocalSupabase, email: str
) -> None:
    await ask(browser, "sign-up", email=email, password=PASSWORD)
    other = new_browser()
    refused = await other.get(await path_of_link(confirming, email))
    assert refused.status_code == 422
    assert "in the browser that asked for it" in notices(refused)[0]
    assert not await other.is_signed_in()


async def test_an_address_is_confirmed_by_code(
    browser: Browser, new_browser: NewBrowser, confirming: LocalSupabase, email: str
) -> None:
    await ask(browser, "sign-up", email=email, password=PASSWORD)
    code = code_of(confirming, email)
    wrong = await browser.post("/account/code", kind="signup", email=email, code="0")
    assert (wrong.status_code, len(notices(wrong))) == (422, 1)
    spaced = f"{code[:3]} {code[3:]}"
    answer = await browser.post("/account/code", kind="signup", email=email, code=spaced)
    assert answer.status_code == 303
    assert await browser.is_signed_in()
    again = new_browser()
    await again.get("/account/sign-in")
    used = await again.post("/account/code", kind="signup", email=email, code=code)
    assert used.status_code == 422


async def test_a_sign_up_without_confirmation_signs_in_at_once(
    browser: Browser, email: str
) -> None:
    await browser.get("/account/sign-up")
    answer = await browser.post("/account/sign-up", email=email, password=PASSWORD)
    assert "Welcome" in notices(await browser.follow(answer))[0]


async def test_a_link_signs_in(browser: Browser, sign_in: SignIn, supabase: LocalSupabase) -> None:
    person = await sign_in()
    await ask(browser, "link", email=person.email)
    answer = await browser.get(await path_of_link(supabase, person.email))
    assert notices(await browser.follow(answer)) == ["You have signed in."]
    assert await browser.is_signed_in()


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        ("/account/password?x=é", "/account/password?x=é"),
        ("//example.com", "/account"),
        ("/" + "x" * 5000, "/" + "x" * 999),
    ],
    ids=["page", "elsewhere", "long"],
)
async def test_a_link_leads_to_the_page_that_was_wanted(
    browser: Browser, supabase: LocalSupabase, sign_in: SignIn, wanted: str, there: str
) -> None:
    person = await sign_in()
    page = await ask(browser, "link", email=person.email, next=wanted)
    assert f'name="next" value="{wanted}"' in page
    answer = await browser.get(await path_of_link(supabase, person.email))
    assert unquote(answer.headers["location"]) == there


async def test_a_code_and_a_sign_up_lead_to_the_page_that_was_wanted(
    browser: Browser, supabase: LocalSupabase, email: str
) -> None:
    form = await browser.get("/account/sign-in", next="/account/apps?x=1&y=2")
    linked = form.text.partition('href="/account/sign-up')[2].partition('"')[0]
    assert (
        'value="/account/apps?x=1&amp;y=2"'
        in (await browser.get(f"/account/sign-up{html.unescape(linked)}")).text
    )
    fields = {"email": email, "password": PASSWORD, "next": "/account/apps"}
    answer = await browser.post("/account/sign-up", **fields)
    assert answer.headers["location"] == "/account/apps"
    await browser.post("/account/sign-out")
    await ask(browser, "link", email=email, next="/account/apps")
    code = code_of(supabase, email)
    sent = {"kind": "magiclink", "email": email, "code": code, "next": "/account/apps"}
    assert (await browser.post("/account/code", **sent)).headers["location"] == "/account/apps"


async def test_the_answer_does_not_tell_whether_there_is_an_account(
    browser: Browser, sign_in: SignIn, email: str
) -> None:
    person = await sign_in()
    for page in ("link", "forgot"):
        known = await ask(browser, page, email=person.email)
        # Auth refuses a second mail within a minute, and only if there is an account.
        again = await ask(browser, page, email=person.email)
        unknown = await ask(browser, page, email=email)
        for answer in (known, again):
            assert unknown.replace(email, "") == answer.replace(person.email, "").replace(
                answer.partition('nonce="')[2][:22], unknown.partition('nonce="')[2][:22]
            )


async def test_a_forgotten_password_is_replaced(
    browser: Browser, new_browser: NewBrowser, person: Person, supabase: LocalSupabase
) -> None:
    other = new_browser()
    await ask(other, "forgot", email=person.email)
    form = await other.follow(await other.get(await path_of_link(supabase, person.email)))
    assert 'name="current"' not in form.text
    short = await other.post("/account/password", password="short")
    assert "At least 8 characters" in short.text
    answer = await other.post("/account/password", password="a different one 2")
    assert "changed" in notices(await other.follow(answer))[0]
    assert not await browser.is_signed_in()
    # The right to choose one without the current password is used up.
    assert 'name="current"' in (await other.get("/account/password")).text


@pytest.mark.parametrize("query", ["", "?code=x", "?error_code=otp_expired", "?error_code=%3Cb"])
async def test_a_link_that_is_no_longer_valid_is_explained(browser: Browser, query: str) -> None:
    answer = await browser.get(f"/account/follow{query}")
    assert answer.status_code == 422
    assert len(notices(answer)) == 1
    assert "<b" not in answer.text.replace("<body>", "").replace("<button", "")
