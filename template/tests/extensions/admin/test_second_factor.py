"""The second step of a sign-in to the site: the code of an authenticator app."""

import time
from uuid import uuid4

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.sessions.service import attempts
from app.extensions.users import service
from app.extensions.users.models import Role
from devstack.supabase import LocalSupabase
from devstack.supabase.codes import code_at, new_secret
from devstack.supabase.store import Factor
from tests.extensions.admin.browser import Browser, codes, is_sign_in
from tests.extensions.admin.test_audit import entries
from tests.support.people import Person, SignIn

WRONG = "no code"


@pytest.fixture
async def person(sign_in: SignIn) -> Person:
    """An admin."""
    return await sign_in(role=Role.ADMIN)


@pytest.fixture
def tablet(person: Person, supabase: LocalSupabase) -> Factor:
    """The second of two authenticator apps of the admin."""
    user = supabase.user(person.email)
    apps = [Factor(str(uuid4()), name, new_secret(), "verified") for name in ("Phone", "Tablet")]
    with supabase.auth.store.change():
        user.factors += apps
    return apps[-1]


def now(app: Factor) -> str:
    code = code_at(app.secret, time.time())
    return f"{code[:3]} {code[3:]}"


async def test_a_sign_in_asks_for_the_code_of_an_app(
    browser: Browser, person: Person, tablet: Factor, session: AsyncSession
) -> None:
    answer = await browser.sign_in(person, next="/admin/item/list")
    assert answer.status_code == 200
    assert f'value="{tablet.id}"' in answer.text
    # There is no session before the code.
    assert is_sign_in(await browser.get("/"))
    assert await entries(session, actor_id=person.id) == []
    code = {"app": tablet.id, "code": now(tablet), "next": "/admin/item/list"}
    answer = await browser.post("/login", **code)
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/item/list")
    assert (await browser.get("/")).status_code == 200
    assert [each.action for each in await entries(session, actor_id=person.id)] == ["sign_in"]


async def test_wrong_codes_are_refused_and_limited(
    browser: Browser, person: Person, tablet: Factor
) -> None:
    await browser.sign_in(person)
    for _ in range(attempts.PER_ACCOUNT):
        answer = await browser.post("/login", app=tablet.id, code=WRONG)
        assert (answer.status_code, codes(answer)) == (422, ["mfa_verification_failed"])
        assert 'name="code"' in answer.text
    answer = await browser.post("/login", app=tablet.id, code=now(tablet))
    assert (answer.status_code, codes(answer)) == (429, ["too_many_tries"])
    assert is_sign_in(await browser.get("/"))


async def test_a_code_without_a_first_step_opens_nothing(
    browser: Browser, person: Person, tablet: Factor
) -> None:
    await browser.get("/login")
    answer = await browser.post("/login", app=tablet.id, code=now(tablet))
    assert (answer.status_code, codes(answer)) == (401, ["sign_in_expired"])
    assert 'name="password"' in answer.text


async def test_access_that_is_lost_between_the_steps_is_refused(
    browser: Browser, person: Person, tablet: Factor, sign_in: SignIn, session: AsyncSession
) -> None:
    await browser.sign_in(person)
    await sign_in(role=Role.ADMIN)
    await service.set_role(session, person.id, Role.USER)
    answer = await browser.post("/login", app=tablet.id, code=now(tablet))
    assert (answer.status_code, codes(answer)) == (401, ["sign_in_refused"])
    assert is_sign_in(await browser.get("/"))


async def test_a_factor_of_another_kind_is_not_bypassed(
    browser: Browser, person: Person, supabase: LocalSupabase
) -> None:
    with supabase.auth.store.change():
        supabase.user(person.email).factors.append(
            Factor(str(uuid4()), "Phone", "", "verified", "phone")
        )
    before = set(supabase.auth.store.sessions)
    answer = await browser.sign_in(person)
    assert (answer.status_code, codes(answer)) == (401, ["sign_in_refused"])
    assert set(supabase.auth.store.sessions) == before
