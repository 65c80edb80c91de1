"""Signing in to the admin site, and how long a session lasts."""

import asyncio
import time
from dataclasses import replace

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from redis.asyncio import Redis
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.settings import load_settings
from app.extensions.admin import attempts, visits
from app.extensions.admin.settings import AdminSettings
from app.extensions.sessions.service import store
from app.extensions.sessions.service.browser import key_of, session_seconds
from app.extensions.sessions.service.store import Session
from app.extensions.users import service
from app.extensions.users.models import Role, Status
from devstack.supabase import LocalSupabase
from tests.extensions.admin.browser import PASSWORD, Browser, codes, is_sign_in
from tests.support.people import Person, SignIn

TOKEN = "/auth/v1/token"


async def session_of(browser: Browser, app: FastAPI) -> Session:
    """The session of a browser."""
    assert browser.cookie
    session = await store.get(app.state.redis, key_of(browser.cookie))
    assert session
    return session


async def change(app: FastAPI, session: Session) -> None:
    content = store._ADAPTER.dump_json(session)
    await app.state.redis.set(store._name(session.key), content, keepttl=True)


async def age(browser: Browser, app: FastAPI, seconds: float) -> None:
    """Let the sign-in of a browser be longer ago."""
    session = await session_of(browser, app)
    await change(app, replace(session, started_at=session.started_at - seconds))


async def test_every_page_requires_a_session(browser: Browser) -> None:
    for path in ("/", "/user/list", "/user/create", "/user/export/csv", "/acting", "/nothing/list"):
        assert is_sign_in(await browser.get(path)), path


async def test_a_sign_in_leads_to_the_requested_page(browser: Browser, sign_in: SignIn) -> None:
    asked = await browser.get("/item/list")
    assert asked.headers["location"].endswith("?next=/admin/item/list")
    answer = await browser.sign_in(await sign_in(role=Role.ADMIN), next="/admin/item/list")
    assert answer.headers["location"] == "/admin/item/list"
    assert (await browser.get("/item/list")).status_code == 200


@pytest.mark.parametrize(
    "wanted", ["https://example.com", "//example.com", "/admin//example.com", "/admin/\\x", "/docs"]
)
async def test_a_sign_in_leads_to_no_other_site(
    browser: Browser, sign_in: SignIn, wanted: str
) -> None:
    answer = await browser.sign_in(await sign_in(role=Role.ADMIN), next=wanted)
    assert answer.headers["location"] == "http://testserver/admin/"


async def test_the_cookie_is_limited_to_this_host_and_new_with_each_sign_in(
    browser: Browser, sign_in: SignIn
) -> None:
    person = await sign_in(role=Role.ADMIN)
    await browser.get("/login")
    before = browser.cookie
    answer = await browser.sign_in(person)
    cookie = answer.headers["set-cookie"]
    age = f"Max-Age={session_seconds()}"
    assert cookie.partition("; ")[2] == f"{age}; Path=/; HttpOnly; SameSite=Lax"
    assert before
    assert browser.cookie != before
    # The previous cookie, which an attacker may have set, is not valid.
    browser.cookie = before
    assert is_sign_in(await browser.get("/"))


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.USER, Status.APPROVED),
        (Role.ADMIN, Status.PENDING),
        (Role.ADMIN, Status.SUSPENDED),
        (Role.SUPPORT, Status.REJECTED),
    ],
)
async def test_accounts_without_access_get_the_same_error_as_a_wrong_password(
    browser: Browser, sign_in: SignIn, role: Role, status: Status
) -> None:
    answer = await browser.sign_in(await sign_in(role=role, status=status))
    assert (answer.status_code, codes(answer)) == (401, ["sign_in_refused"])
    assert is_sign_in(await browser.get("/"))


async def test_a_wrong_password_is_refused(browser: Browser, sign_in: SignIn) -> None:
    answer = await browser.sign_in(await sign_in(role=Role.ADMIN), "not the password")
    assert (answer.status_code, codes(answer)) == (401, ["sign_in_refused"])


@pytest.mark.parametrize("role", [Role.ADMIN, Role.USER])
async def test_the_session_at_supabase_is_revoked(
    browser: Browser, sign_in: SignIn, supabase: LocalSupabase, role: Role
) -> None:
    """With a refusal at once, otherwise with the sign-out."""
    person = await sign_in(role=role)
    before = set(supabase.auth.store.sessions)
    await browser.sign_in(person)
    if role is Role.ADMIN:
        await browser.get("/")
        await browser.post("/logout")
    assert set(supabase.auth.store.sessions) == before


async def test_a_session_that_ended_at_supabase_ends_here(
    browser: Browser, admin: Person, app: FastAPI, supabase: LocalSupabase
) -> None:
    supabase.auth.end_sessions(supabase.user(admin.email))
    session = await session_of(browser, app)
    await change(app, replace(session, tokens_expire_at=time.time() + 1))
    assert is_sign_in(await browser.get("/"))


async def test_an_outage_of_auth_ends_no_session(
    browser: Browser, admin: Person, app: FastAPI, supabase: LocalSupabase
) -> None:
    session = await session_of(browser, app)
    await change(app, replace(session, tokens_expire_at=time.time() + 1))
    supabase.traffic.fail(TOKEN, 503)
    try:
        assert (await browser.get("/")).status_code == 200
    finally:
        supabase.traffic.heal()


async def test_an_outage_of_auth_is_shown(
    browser: Browser, sign_in: SignIn, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.state.supabase, "url", "http://127.0.0.1:1")
    answer = await browser.sign_in(await sign_in(role=Role.ADMIN))
    assert (answer.status_code, codes(answer)) == (503, ["auth_unavailable"])


async def test_a_forged_cookie_is_refused(browser: Browser, admin: Person) -> None:
    assert browser.cookie
    for forged in (browser.cookie[:-1] + "!", key_of(browser.cookie), "", "x" * 5000):
        browser.cookie = forged
        assert is_sign_in(await browser.get("/")), forged


@pytest.mark.parametrize("change", ["role", "status"])
async def test_a_lost_role_or_status_ends_the_session_at_the_next_request(
    browser: Browser, admin: Person, sign_in: SignIn, session: AsyncSession, change: str
) -> None:
    await sign_in(role=Role.ADMIN)
    if change == "role":
        await service.set_role(session, admin.id, Role.USER)
    else:
        await service.set_status(session, admin.id, Status.SUSPENDED)
    assert is_sign_in(await browser.get("/user/list"))
    # The session stays ended when the role and the status are back.
    await service.set_role(session, admin.id, Role.ADMIN)
    await service.set_status(session, admin.id, Status.APPROVED)
    assert is_sign_in(await browser.get("/user/list"))


async def test_a_session_ends_when_it_is_not_used(
    browser: Browser, admin: Person, app: FastAPI
) -> None:
    name = visits._name(await session_of(browser, app))
    idle = load_settings(AdminSettings).idle_minutes * 60
    await age(browser, app, idle + 1)
    await app.state.redis.expire(name, 5)
    assert (await browser.get("/")).status_code == 200
    assert await app.state.redis.ttl(name) > idle - 5
    await app.state.redis.expire(name, 0)
    assert is_sign_in(await browser.get("/"))


async def test_a_session_ends_even_if_it_is_used(
    browser: Browser, admin: Person, app: FastAPI
) -> None:
    seconds = load_settings(AdminSettings).session_hours * 3600
    await age(browser, app, seconds - 60)
    assert (await browser.get("/")).status_code == 200
    await age(browser, app, 60)
    assert is_sign_in(await browser.get("/"))


async def test_many_requests_begin_one_visit(
    browser: Browser, admin: Person, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis, session = app.state.redis, await session_of(browser, app)
    await redis.delete(visits._name(session))
    read, barrier = visits.get, asyncio.Barrier(5)

    async def read_together(redis: Redis, session: Session) -> visits.Visit | None:
        visit = await read(redis, session)
        await barrier.wait()
        return visit

    monkeypatch.setattr(visits, "get", read_together)
    found = await asyncio.gather(*(visits.enter(redis, session) for _ in range(5)))
    assert [visit for visit, _ in found] == [visits.Visit()] * 5
    assert sum(is_new for _, is_new in found) == 1


async def test_a_session_ends_at_its_own_end(browser: Browser, admin: Person, app: FastAPI) -> None:
    session = await session_of(browser, app)
    await change(app, replace(session, expires_at=time.time() - 1))
    assert is_sign_in(await browser.get("/"))


async def test_an_expired_session_changes_nothing(
    browser: Browser, admin: Person, app: FastAPI
) -> None:
    await store.end(app.state.redis, await session_of(browser, app))
    answer = await browser.post(f"/user/edit/{admin.id}", display_name="X", save="Save")
    assert is_sign_in(answer)


async def test_signing_out_ends_one_session_or_all(
    client: AsyncClient, browser: Browser, admin: Person, supabase: LocalSupabase
) -> None:
    async with AsyncClient(transport=client._transport, base_url=client.base_url) as second:
        other = Browser(second, supabase)
        await other.sign_in(admin)
        assert (await browser.post("/logout")).status_code == 303
        assert is_sign_in(await browser.get("/"))
        assert (await other.get("/")).status_code == 200

        await browser.sign_in(admin)
        await browser.get("/")
        await browser.post("/logout", everywhere="yes")
        assert is_sign_in(await other.get("/"))


async def test_signing_out_requires_a_post(browser: Browser, admin: Person) -> None:
    assert (await browser.get("/logout")).status_code == 405
    assert (await browser.get("/")).status_code == 200


async def test_attempts_on_one_account_are_limited(browser: Browser, sign_in: SignIn) -> None:
    person = await sign_in(role=Role.ADMIN)
    for _ in range(attempts.PER_ACCOUNT):
        assert (await browser.sign_in(person, "a guess")).status_code == 401
    answer = await browser.sign_in(person, PASSWORD)
    assert (answer.status_code, codes(answer)) == (429, ["too_many_tries"])
    # Other accounts can still sign in from the same address.
    assert (await browser.sign_in(await sign_in(role=Role.ADMIN))).status_code == 303


async def test_attempts_from_one_address_are_limited(browser: Browser, sign_in: SignIn) -> None:
    await browser.get("/login")
    for number in range(attempts.PER_ADDRESS):
        await browser.post("/login", email=f"{number}@example.com", password="a guess")
    assert (await browser.sign_in(await sign_in(role=Role.ADMIN))).status_code == 429


async def test_a_sign_in_resets_the_attempts(browser: Browser, sign_in: SignIn) -> None:
    person = await sign_in(role=Role.ADMIN)
    for _ in range(2 * attempts.PER_ACCOUNT):
        await browser.sign_in(person, "a guess")
        assert (await browser.sign_in(person)).status_code == 303
