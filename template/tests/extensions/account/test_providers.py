"""Signing in by another site (OAuth), whose place the local Supabase takes."""

import re
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest

from app.core.settings import SettingsError, load_settings
from app.extensions.account.pages import providers
from app.extensions.account.settings import AccountSettings
from devstack.supabase import LocalSupabase
from tests.extensions.account.conftest import NewBrowser
from tests.support.pages import Browser, notices
from tests.support.people import SignIn


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sites are offered."""
    settings = AccountSettings(providers=["github", "google"])
    monkeypatch.setattr(providers, "load_settings", lambda _: settings)


async def at_site(address: str, answer: str, email: str) -> str:
    """Answer at the site, and return the path to which it leads back."""
    async with httpx.AsyncClient(trust_env=False) as client:
        page = await client.get(address)
        assert page.status_code == 200
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        there = await client.post(
            address.partition("?")[0], data={**fields, "email": email, "answer": answer}
        )
    parts = urlsplit(there.headers["location"])
    assert parts.netloc == "testserver"
    return f"{parts.path}?{parts.query}"


@pytest.fixture
def email() -> str:
    return f"{uuid4().hex}@example.com"


async def test_a_site_signs_a_new_person_in(
    browser: Browser, supabase: LocalSupabase, email: str
) -> None:
    form = (await browser.get("/account/sign-in")).text
    assert re.findall(r'href="(/account/with/\w+)">([^<]+)<', form) == [
        ("/account/with/github", "Continue with GitHub"),
        ("/account/with/google", "Continue with Google"),
    ]
    start = await browser.get("/account/with/google")
    address = start.headers["location"]
    assert address.startswith(f"{supabase.url}/auth/v1/authorize?")
    query = parse_qs(urlsplit(address).query)
    assert (query["provider"], query["code_challenge_method"]) == (["google"], ["s256"])
    assert query["code_challenge"][0] not in str(start.headers.get_list("set-cookie"))
    answer = await browser.get(await at_site(address, "allow", email))
    assert notices(await browser.follow(answer)) == ["You have signed in."]
    assert await browser.is_signed_in()
    user = supabase.auth.store.by_email(email)
    assert user
    assert user.app_metadata["providers"] == ["google"]


async def test_a_site_signs_a_known_person_in(
    browser: Browser, sign_in: SignIn, supabase: LocalSupabase
) -> None:
    person = await sign_in()
    form = await browser.get("/account/sign-in", next="/account/apps")
    assert 'href="/account/with/github?next=%2Faccount%2Fapps"' in form.text
    start = await browser.get("/account/with/github", next="/account/apps")
    answer = await browser.get(await at_site(start.headers["location"], "allow", person.email))
    assert answer.headers["location"] == "/account/apps"
    assert person.email in (await browser.get("/account")).text
    assert supabase.user(person.email).app_metadata["providers"] == ["email", "github"]


async def test_a_refusal_of_the_site_is_explained(browser: Browser, email: str) -> None:
    start = await browser.get("/account/with/google")
    answer = await browser.get(await at_site(start.headers["location"], "refuse", email))
    assert answer.status_code == 422
    assert "did not sign you in" in notices(answer)[0]
    assert "Continue with Google" in answer.text
    assert not await browser.is_signed_in()


async def test_the_answer_of_the_site_is_worth_nothing_in_another_browser(
    browser: Browser, new_browser: NewBrowser, email: str
) -> None:
    start = await browser.get("/account/with/google")
    there = await at_site(start.headers["location"], "allow", email)
    victim = new_browser()
    for asked in (False, True):
        if asked:
            await victim.get("/account/with/google")
        assert (await victim.get(there)).status_code == 422
        assert not await victim.is_signed_in()


@pytest.mark.parametrize("name", ["facebook", "..%2Fadmin", "google%26x"])
async def test_a_site_that_is_not_offered_is_not_found(browser: Browser, name: str) -> None:
    assert (await browser.get(f"/account/with/{name}")).status_code == 404


def test_a_wrong_name_fails_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCOUNT_PROVIDERS", "google,https://example.com")
    load_settings.cache_clear()
    try:
        with pytest.raises(SettingsError):
            load_settings(AccountSettings)
    finally:
        monkeypatch.undo()
        load_settings.cache_clear()
