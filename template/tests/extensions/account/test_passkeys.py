"""Passkeys: added by somebody who has just proved who they are, and used to sign in."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from fastapi import FastAPI
from httpx import Response

from app.extensions.sessions.service import passkeys, store
from devstack.supabase import LocalSupabase
from tests.extensions.account.conftest import NewBrowser
from tests.extensions.account.test_apps import add_app, code_of
from tests.support.authenticator import Authenticator
from tests.support.pages import Browser, is_sign_in, notices
from tests.support.people import Person, SignIn

SIGN_IN = "/account/sign-in/passkey"


@pytest.fixture
def set_offered(
    supabase: LocalSupabase, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[bool], None]]:
    """Tell whether Auth offers passkeys."""
    services = supabase.app.state.services

    def set_offered(is_offered: bool) -> None:
        supabase.app.state.services = replace(services, passkeys=is_offered)
        monkeypatch.setattr(passkeys, "_known", {})

    yield set_offered
    supabase.app.state.services = services


async def options(browser: Browser, path: str) -> Response:
    """Ask as the script does."""
    headers = {"Accept": "application/json", "X-CSRF-Token": browser.token}
    return await browser.client.post(path, headers=headers)


async def add(browser: Browser, authenticator: Authenticator, name: str = "Phone") -> Response:
    await browser.get("/account/passkeys/new")
    begun = (await options(browser, "/account/passkeys/new/options")).json()
    credential = json.dumps(authenticator.create(begun["options"]))
    return await browser.post(
        "/account/passkeys/new", name=name, challenge=begun["challenge"], credential=credential
    )


async def use(browser: Browser, authenticator: Authenticator, **fields: str) -> Response:
    await browser.get("/account/sign-in")
    begun = (await options(browser, f"{SIGN_IN}/options")).json()
    credential = json.dumps(authenticator.get(begun["options"]))
    return await browser.post(
        SIGN_IN, challenge=begun["challenge"], credential=credential, **fields
    )


async def test_a_passkey_is_added_used_and_removed(
    browser: Browser, person: Person, app: FastAPI, new_browser: NewBrowser
) -> None:
    authenticator = Authenticator()
    await browser.confirm()
    page = await browser.follow(await add(browser, authenticator))
    assert "<strong>Phone</strong>" in page.text
    other = new_browser()
    answer = await use(other, authenticator, next="/account/passkeys")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/passkeys")
    assert "last used" in (await other.get("/account/passkeys")).text
    found = await store.of_user(app.state.redis, person.id)
    assert {session.method for session, _ in found} == {"password", "passkey"}
    there = re.search(r"/account/passkeys/[\w-]+/remove", page.text)
    assert there
    await other.get(there[0])
    asked = await other.post(there[0])
    assert urlsplit(asked.headers["location"]).path == "/account/confirm"
    await browser.get(there[0])
    assert (await browser.post(there[0])).headers["location"] == "/account/passkeys"
    assert "<strong>Phone</strong>" not in (await browser.get("/account/passkeys")).text
    assert (await browser.post(there[0])).status_code == 404
    refused = await use(new_browser(), authenticator)
    assert (refused.status_code, len(notices(refused))) == (422, 1)


async def test_a_passkey_is_added_only_after_a_confirmation(
    browser: Browser, person: Person
) -> None:
    asked = await browser.get("/account/passkeys/new")
    assert urlsplit(asked.headers["location"]).path == "/account/confirm"
    await browser.get("/account/passkeys")
    await browser.get("/account")
    refused = await options(browser, "/account/passkeys/new/options")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_confirmed")
    asked = await browser.post("/account/passkeys/new", name="Phone")
    assert urlsplit(asked.headers["location"]).path == "/account/confirm"


@pytest.mark.parametrize(("name", "status"), [("\N{KEY}" * 30, 303), ("\N{KEY}" * 31, 422)])
async def test_auth_accepts_every_name_that_the_form_accepts(
    browser: Browser, person: Person, supabase: LocalSupabase, name: str, status: int
) -> None:
    await browser.confirm()
    assert (await add(browser, Authenticator(), name)).status_code == status
    names = [each.friendly_name for each in supabase.user(person.email).passkeys]
    # Without a valid name, there is no passkey either.
    assert names == ([name] if status == 303 else [])


async def test_a_passkey_does_not_replace_the_second_step(
    browser: Browser, person: Person, new_browser: NewBrowser
) -> None:
    authenticator = Authenticator()
    await browser.confirm()
    secret = await add_app(browser)
    await browser.confirm()
    assert (await add(browser, authenticator)).status_code == 303
    other = new_browser()
    answer = await use(other, authenticator)
    assert urlsplit(answer.headers["location"]).path == "/account/sign-in/code"
    assert not await other.is_signed_in()
    await other.follow(answer)
    assert (await other.post("/account/sign-in/code", code=code_of(secret))).status_code == 303
    assert await other.is_signed_in()


@pytest.mark.parametrize(
    "credential", ["", "x", "[]", "{}", '{"id": "x", "response": {} }', '{"id": "\\ud800"}']
)
async def test_an_answer_that_is_no_passkey_signs_nobody_in(
    browser: Browser, credential: str
) -> None:
    await browser.get("/account/sign-in")
    begun = (await options(browser, f"{SIGN_IN}/options")).json()
    answer = await browser.post(SIGN_IN, challenge=begun["challenge"], credential=credential)
    assert answer.status_code == 422
    assert not await browser.is_signed_in()


async def test_a_passkey_leads_to_no_other_site(
    browser: Browser, person: Person, new_browser: NewBrowser
) -> None:
    authenticator = Authenticator()
    await browser.confirm()
    await add(browser, authenticator)
    answer = await use(new_browser(), authenticator, next="https://example.com/")
    assert answer.headers["location"] == "/account"


async def test_challenges_are_limited_by_address(browser: Browser) -> None:
    await browser.get("/account/sign-in")
    answers = [await options(browser, f"{SIGN_IN}/options") for _ in range(61)]
    assert [each.status_code for each in answers[-2:]] == [200, 429]


async def test_nothing_is_shown_where_auth_offers_no_passkeys(
    browser: Browser,
    person: Person,
    new_browser: NewBrowser,
    set_offered: Callable[[bool], None],
) -> None:
    visitor = new_browser()
    for each, path in ((browser, "/account"), (visitor, "/account/sign-in")):
        assert "passkey" in (await each.get(path)).text
    set_offered(False)
    for each, path in ((browser, "/account"), (visitor, "/account/sign-in")):
        assert "passkey" not in (await each.get(path)).text
    answer = await browser.get("/account/passkeys")
    assert answer.status_code == 404
    assert 'data-code="passkeys_not_offered"' in answer.text
    assert (await options(visitor, f"{SIGN_IN}/options")).status_code == 404


async def test_the_sign_in_does_not_wait_for_auth(
    browser: Browser, supabase: LocalSupabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passkeys, "_known", {})
    supabase.traffic.fail("/auth/v1/settings")
    for _ in range(2):
        answer = await browser.get("/account/sign-in")
        assert (answer.status_code, "passkey" in answer.text) == (200, False)


async def test_passkeys_are_those_of_the_visitor(
    browser: Browser, person: Person, new_browser: NewBrowser, sign_in: SignIn
) -> None:
    await browser.confirm()
    await add(browser, Authenticator(), "<b>Phone</b>")
    page = (await browser.get("/account/passkeys")).text
    assert "&lt;b&gt;Phone&lt;/b&gt;" in page
    there = re.search(r"/account/passkeys/[\w-]+/remove", page)
    assert there
    other = new_browser()
    await other.sign_in(await sign_in())
    await other.confirm()
    assert (await other.post(there[0])).status_code == 404
    assert (await other.get(f"/account/passkeys/{uuid4()}/remove")).status_code == 404
    assert is_sign_in(await new_browser().get("/account/passkeys"))
