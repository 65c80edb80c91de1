"""`/account/api-keys` in a browser: a key is created, shown once, replaced and ended."""

import re
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.api_keys.models import ApiKey
from devstack.supabase import LocalSupabase
from tests.support.pages import Browser, is_sign_in, notices
from tests.support.people import Person, SignIn

PATH = "/account/api-keys"
NEW = {"name": "Nightly", "scopes": "users:read", "networks": "", "expires_in_days": ""}


@pytest.fixture
async def browser(app: FastAPI, supabase: LocalSupabase) -> AsyncIterator[Browser]:
    browser = Browser(app, supabase)
    yield browser
    await browser.client.aclose()


@pytest.fixture
async def owner(browser: Browser, sign_in: SignIn) -> Person:
    """A user who has signed in with the browser and has just confirmed it."""
    owner = await sign_in()
    await browser.sign_in(owner)
    await browser.confirm()
    await browser.get(f"{PATH}/new")
    return owner


def text_of(answer: Response) -> str:
    """The key on a page, which no cache may keep."""
    found = re.search(r'name="key" type="text" value="([^"]+)"', answer.text)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert found
    return found[1]


async def status(client: AsyncClient, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return (await client.get("/api/v1/users/me", headers=headers)).status_code


async def the_key(session: AsyncSession, owner: Person) -> UUID:
    keys = select(ApiKey.id).where(
        col(ApiKey.owner_id) == owner.id, col(ApiKey.replaced_by).is_(None)
    )
    return (await session.exec(keys)).one()


async def test_a_key_is_created_replaced_and_ended(
    browser: Browser, owner: Person, client: AsyncClient, session: AsyncSession
) -> None:
    assert f'href="{PATH}"' in (await browser.get("/account")).text
    first = text_of(await browser.post(f"{PATH}/new", **NEW))
    assert await status(client, first) == 200
    one = f"{PATH}/{await the_key(session, owner)}"
    shown = [await browser.get(each) for each in (PATH, one, f"{PATH}/new")]
    assert "Nightly" in shown[0].text
    assert not any(first in each.text for each in shown)

    await browser.get(one)
    second = text_of(await browser.post(f"{one}/rotate", overlap_hours="0"))
    assert (await status(client, first), await status(client, second)) == (401, 200)
    await browser.get(PATH)
    again = await browser.post(f"{one}/rotate", overlap_hours="0")
    assert (again.status_code, len(notices(again))) == (409, 1)
    one = f"{PATH}/{await the_key(session, owner)}"
    await browser.get(one)
    revoked = await browser.follow(await browser.post(f"{one}/revoke"))
    assert notices(revoked) == ["The key is revoked."]
    assert await status(client, second) == 401


async def test_a_new_key_needs_a_confirmation_and_a_revocation_does_not(
    browser: Browser, sign_in: SignIn, session: AsyncSession, client: AsyncClient
) -> None:
    person = await sign_in()
    made = await client.post(
        "/api/v1/api_keys",
        json={"name": "Nightly", "scopes": ["users:read"]},
        headers=person.headers,
    )
    one = f"{PATH}/{made.json()['id']}"
    await browser.sign_in(person)
    await browser.get(one)
    answers = [await browser.post(f"{PATH}/new", **NEW), await browser.get(f"{PATH}/new")]
    answers.append(await browser.post(f"{one}/rotate", overlap_hours="0"))
    for answer in answers:
        assert answer.headers["location"].startswith("/account/confirm?next=%2Faccount%2Fapi-keys")
    assert len((await session.exec(select(ApiKey))).all()) == 1
    assert (await browser.post(f"{one}/revoke")).headers["location"] == PATH


async def test_a_session_that_has_ended_at_auth_leaves_no_key_behind(
    browser: Browser, owner: Person, supabase: LocalSupabase, session: AsyncSession
) -> None:
    supabase.auth.end_sessions(supabase.user(owner.email))
    assert is_sign_in(await browser.post(f"{PATH}/new", **NEW))
    assert (await session.exec(select(ApiKey))).all() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("scopes", "everything"),
        ("expires_in_days", "soon"),
        ("expires_in_days", "3650"),
        ("networks", "10.0.0.0/8\nhome"),
    ],
)
async def test_mistakes_are_shown_with_what_was_typed(
    browser: Browser, owner: Person, field: str, value: str
) -> None:
    answer = await browser.post(f"{PATH}/new", **{**NEW, "networks": "::1/128", field: value})
    assert (answer.status_code, len(notices(answer))) == (422, 1)
    if field != "networks":
        assert ">::1/128</textarea>" in answer.text
    if field != "scopes":
        assert 'value="users:read" checked' in answer.text


async def test_a_key_needs_a_scope(browser: Browser, owner: Person) -> None:
    without = {name: value for name, value in NEW.items() if name != "scopes"}
    answer = await browser.post(f"{PATH}/new", **without)
    assert (answer.status_code, "Please choose at least one." in answer.text) == (422, True)


async def test_keys_of_others_are_not_found(
    browser: Browser, owner: Person, sign_in: SignIn, client: AsyncClient
) -> None:
    other = await sign_in()
    body = {"name": "Theirs", "scopes": ["users:read"]}
    made = await client.post("/api/v1/api_keys", json=body, headers=other.headers)
    assert "Theirs" not in (await browser.get(PATH)).text
    for key in (made.json()["id"], uuid4()):
        one = f"{PATH}/{key}"
        answers = [await browser.get(one), await browser.post(f"{one}/revoke")]
        answers.append(await browser.post(f"{one}/rotate", overlap_hours="0"))
        assert {each.status_code for each in answers} == {404}
    assert await status(client, made.json()["key"]) == 200


async def test_strangers_are_led_to_the_sign_in(browser: Browser) -> None:
    for path in (PATH, f"{PATH}/new", f"{PATH}/{uuid4()}"):
        assert is_sign_in(await browser.get(path)), path
