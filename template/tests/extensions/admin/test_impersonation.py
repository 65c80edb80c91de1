"""Impersonation: it is limited in time, recorded, and never gives more rights."""

import re
from uuid import uuid4

import jwt
import pytest
from fastapi import FastAPI
from httpx import Response
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import signing
from app.extensions.admin import impersonation
from app.extensions.users import service
from app.extensions.users.models import Role, Status
from tests.extensions.admin.browser import Browser, codes
from tests.extensions.admin.test_audit import entries
from tests.support.people import Person, SignIn

ME = "/api/v1/users/me"
BANNER = 'class="site-banner"'


@pytest.fixture
async def person(sign_in: SignIn) -> Person:
    return await sign_in()


async def acting_as(browser: Browser, person: Person) -> str:
    """Start an impersonation and return its token."""
    path = f"/user/action/sign-in-as?pks={person.id}"
    answer = await browser.post(path, reason="Ticket 7")
    assert answer.headers["location"].endswith("/admin/acting")
    shown = await browser.get("/acting")
    found = re.search(r'id="token">([^<]+)<', shown.text)
    assert found
    return found[1]


async def api(browser: Browser, token: str, path: str = ME) -> Response:
    return await browser.client.get(path, headers={"Authorization": f"Bearer {token}"})


async def test_the_api_treats_the_admin_as_the_user(
    browser: Browser,
    admin: Person,
    person: Person,
    session: AsyncSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = await acting_as(browser, person)
    answer = await api(browser, token)
    assert (answer.status_code, answer.json()["email"]) == (200, person.email)
    # Every log line of the request has the ids of both.
    lines = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    mine = [line for line in lines if line["request_id"] == answer.headers["x-request-id"]]
    assert {line["event"] for line in mine} == {"acting_as", "request"}
    assert {line["actor_id"] for line in mine} == {str(admin.id)}
    (entry,) = await entries(session, action="sign_in_as")
    assert (entry.subject_id, entry.reason) == (str(person.id), "Ticket 7")


async def test_every_page_shows_a_banner_until_it_is_ended(
    browser: Browser, admin: Person, person: Person, session: AsyncSession
) -> None:
    token = await acting_as(browser, person)
    for page in ("/", "/item/list", f"/user/details/{person.id}"):
        assert BANNER in (await browser.get(page)).text
    assert (await browser.post("/acting/end")).status_code == 303
    assert BANNER not in (await browser.get("/")).text
    refused = await api(browser, token)
    assert (refused.status_code, refused.json()["code"]) == (401, "acting_ended")
    assert len(await entries(session, action="act_as_end")) == 1


async def test_it_ends_with_the_session(browser: Browser, admin: Person, person: Person) -> None:
    token = await acting_as(browser, person)
    await browser.post("/logout")
    assert (await api(browser, token)).json()["code"] == "acting_ended"


async def test_it_ends_by_itself(browser: Browser, admin: Person, person: Person) -> None:
    token = await acting_as(browser, person)
    claims = jwt.decode(token, options={"verify_signature": False})
    expired = claims | {"exp": claims["exp"] - 3600}
    signed = jwt.encode(
        expired, signing.keys(impersonation.PURPOSE)[0], "HS256", headers=impersonation.HEADER
    )
    assert (await api(browser, signed)).json()["code"] == "invalid_token"


async def test_a_second_start_ends_the_first(
    browser: Browser, admin: Person, person: Person, sign_in: SignIn
) -> None:
    token = await acting_as(browser, person)
    await acting_as(browser, await sign_in())
    assert (await api(browser, token)).json()["code"] == "acting_ended"


@pytest.mark.parametrize("role", [Role.ADMIN, Role.SUPPORT])
async def test_users_with_a_role_cannot_be_impersonated(
    browser: Browser, admin: Person, sign_in: SignIn, role: Role
) -> None:
    other = await sign_in(role=role)
    answer = await browser.post(f"/user/action/sign-in-as?pks={other.id}", reason="x")
    assert (answer.status_code, codes(answer)) == (409, ["impersonation_forbidden"])


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.PENDING])
async def test_users_who_are_not_active_cannot_be_impersonated(
    browser: Browser, admin: Person, sign_in: SignIn, status: Status
) -> None:
    other = await sign_in(status=status)
    answer = await browser.post(f"/user/action/sign-in-as?pks={other.id}", reason="x")
    assert answer.status_code == 409


async def test_it_gives_no_rights_of_other_roles(
    browser: Browser, admin: Person, person: Person, session: AsyncSession
) -> None:
    token = await acting_as(browser, person)
    assert (await api(browser, token, "/api/v1/users")).json()["code"] == "role_required"
    await service.set_role(session, person.id, Role.ADMIN)
    assert (await api(browser, token)).status_code == 403
    # An admin who has lost the role cannot impersonate either.
    await service.set_role(session, person.id, Role.USER)
    assert (await api(browser, token)).status_code == 200
    await service.set_role(session, person.id, Role.ADMIN)
    await service.set_role(session, admin.id, Role.SUPPORT)
    await service.set_role(session, admin.id, Role.USER)
    assert (await api(browser, token)).status_code == 403


async def test_a_forged_token_is_refused(
    browser: Browser, admin: Person, person: Person, app: FastAPI
) -> None:
    token = await acting_as(browser, person)
    claims = jwt.decode(token, options={"verify_signature": False})
    key = signing.keys(impersonation.PURPOSE)[0]
    forged = [
        token[:-2] + ("AA" if token[-2:] != "AA" else "BB"),
        jwt.encode(claims, "x" * 32, "HS256", headers=impersonation.HEADER),
        jwt.encode(claims, "", "none", headers=impersonation.HEADER),
        jwt.encode(claims | {"aud": "x"}, key, "HS256", headers=impersonation.HEADER),
        jwt.encode(claims | {"iss": "x"}, key, "HS256", headers=impersonation.HEADER),
        jwt.encode({**claims, "jti": "x"}, key, "HS256", headers=impersonation.HEADER),
        jwt.encode({**claims, "sid": "0" * 64}, key, "HS256", headers=impersonation.HEADER),
        # Without our header, the verifier of Supabase's tokens gets it and refuses it.
        jwt.encode(claims, key, "HS256"),
    ]
    for each in forged:
        assert (await api(browser, each)).status_code == 401


async def test_a_token_names_the_user_and_the_admin(
    browser: Browser, admin: Person, person: Person
) -> None:
    token = await acting_as(browser, person)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == str(person.id)
    assert claims["act"] == {"sub": str(admin.id)}


async def test_a_machine_cannot_be_impersonated(
    browser: Browser,
    admin: Person,
    session: AsyncSession,
) -> None:
    machine_id = uuid4()
    await service.add_machine(session, machine_id, "A program")
    await session.commit()
    answer = await browser.post(f"/user/action/sign-in-as?pks={machine_id}", reason="x")
    assert (answer.status_code, codes(answer)) == (409, ["impersonation_forbidden"])
