"""Taking one's data along, and deleting the account."""

import json
from uuid import UUID

from fastapi import FastAPI
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.sessions.service import store
from app.extensions.users import service as users
from app.extensions.users.models import Role
from devstack.supabase import LocalSupabase
from tests.extensions.account.conftest import NewBrowser
from tests.support.pages import Browser, notices
from tests.support.people import Person, SignIn

CONFIRM = "/account/confirm?next=%2Faccount%2Fdelete"


async def test_nothing_happens_before_a_confirmation(browser: Browser, person: Person) -> None:
    for path in ("/account/export", "/account/delete"):
        assert (await browser.get(path)).headers["location"] == CONFIRM
    assert (await browser.post("/account/delete")).headers["location"] == CONFIRM
    assert await browser.is_signed_in()


async def test_the_export_is_a_file_with_what_the_features_have(
    browser: Browser, person: Person
) -> None:
    await browser.post("/account/profile", display_name="Ada <3")
    await browser.confirm()
    answer = await browser.get("/account/export")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="account.json"'
    assert answer.headers["cache-control"] == "no-store"
    found = json.loads(answer.text)
    assert found["users"]["id"] == str(person.id)
    assert (found["users"]["email"], found["users"]["display_name"]) == (person.email, "Ada <3")


async def test_an_account_is_deleted_here_and_at_auth(
    new_browser: NewBrowser,
    browser: Browser,
    person: Person,
    app: FastAPI,
    client: AsyncClient,
    supabase: LocalSupabase,
    session: AsyncSession,
) -> None:
    other = new_browser()
    await other.sign_in(person)
    await browser.confirm()
    assert (await browser.get("/account/delete")).status_code == 200
    answer = await browser.post("/account/delete")
    assert answer.headers["clear-site-data"] == '"cache"'
    assert notices(await browser.follow(answer)) == ["Your account is deleted."]
    assert supabase.auth.store.by_email(person.email) is None
    assert await store.of_user(app.state.redis, person.id) == []
    assert not await other.is_signed_in()
    # The token of the API is still valid for some time.
    refused = await client.get("/api/v1/users/me", headers=person.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "account_deleted")
    session.expire_all()
    row = await users.get(session, person.id)
    assert (row.email, row.display_name) == (None, None)
    assert row.deleted_at is not None


async def test_a_deleted_account_cannot_sign_in_and_its_address_is_free(
    browser: Browser, person: Person
) -> None:
    await browser.confirm()
    await browser.post("/account/delete")
    await browser.get("/account/sign-in")
    refused = await browser.post("/account/sign-in", email=person.email, password="x")
    assert notices(refused) == ["The address or the password is wrong."]
    await browser.get("/account/sign-up")
    again = await browser.post("/account/sign-up", email=person.email, password="another one 1")
    assert again.status_code == 303
    await browser.confirm("another one 1")
    found = json.loads((await browser.get("/account/export")).text)
    assert UUID(found["users"]["id"]) != person.id


async def test_nothing_is_deleted_while_auth_does_not_answer(
    browser: Browser, person: Person, supabase: LocalSupabase, session: AsyncSession
) -> None:
    await browser.confirm()
    path = f"/auth/v1/admin/users/{person.id}"
    supabase.traffic.fail(path, 500)
    try:
        answer = await browser.post("/account/delete")
    finally:
        supabase.traffic.heal()
    assert answer.status_code == 503
    assert "Supabase Auth" in notices(answer)[0]
    assert await browser.is_signed_in()
    session.expire_all()
    assert (await users.get(session, person.id)).deleted_at is None


async def test_the_last_admin_stays(
    browser: Browser, sign_in: SignIn, supabase: LocalSupabase
) -> None:
    admin = await sign_in(role=Role.ADMIN)
    await browser.sign_in(admin)
    await browser.get("/account")
    await browser.confirm()
    answer = await browser.post("/account/delete")
    assert answer.status_code == 409
    assert "last admin" in notices(answer)[0]
    assert supabase.auth.store.by_email(admin.email)
