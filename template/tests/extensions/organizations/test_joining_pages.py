"""Invitations in a browser: sent, passed on, sent again, revoked and accepted."""

import re
from urllib.parse import urlsplit

import pytest
from httpx import Response
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.organizations.models import Invitation
from tests.extensions.account.conftest import (  # noqa: F401 - fixtures
    NewBrowser,
    browser,
    new_browser,
    no_sessions,
)
from tests.support.pages import Browser, is_sign_in, notices
from tests.support.people import Person, SignIn
from tests.support.tenants import Tenant, Tenants

pytestmark = pytest.mark.usefixtures("answered_links")


@pytest.fixture
async def acme(browser: Browser, tenants: Tenants) -> Tenant:  # noqa: F811
    """An organization, whose admin has signed in with the browser."""
    acme = await tenants.create("Acme", "admin")
    await browser.sign_in(acme.people["admin"])
    await browser.get(f"/organizations/{acme.slug}/invitations")
    return acme


@pytest.fixture
async def guest(sign_in: SignIn) -> Person:
    return await sign_in()


def link(answer: Response) -> str:
    """The path of the link on a page."""
    found = re.search(r'name="link" type="text" value="http://testserver(/[^"]+)"', answer.text)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert found
    return found[1]


async def invite(browser: Browser, acme: Tenant, email: str) -> Response:  # noqa: F811
    path = f"/organizations/{acme.slug}/invitations"
    return await browser.post(path, email=email, role="member")


async def test_the_invited_signs_in_joins_once_and_the_token_is_in_no_address(
    new_browser: NewBrowser,  # noqa: F811
    browser: Browser,  # noqa: F811
    acme: Tenant,
    guest: Person,
) -> None:
    path = link(await invite(browser, acme, guest.email))
    invited = new_browser()
    kept = await invited.get(path)
    assert kept.headers["location"] == "/organizations/join"
    asked = await invited.follow(kept)
    assert is_sign_in(asked)
    assert asked.headers["location"].endswith("next=%2Forganizations%2Fjoin")
    await invited.sign_in(guest, next="/organizations/join")
    assert guest.email in (await invited.get("/organizations/join")).text
    joined = await invited.follow(await invited.post("/organizations/join"))
    assert notices(joined) == ["You are a member of Acme now."]
    assert urlsplit(str(joined.url)).path == f"/organizations/{acme.slug}/members"
    # The cookie is gone, and the link has worked once.
    assert (await invited.post("/organizations/join")).headers["location"] == "/organizations/join"
    await invited.get(path)
    again = await invited.post("/organizations/join")
    assert (again.status_code, len(notices(again))) == (404, 1)


async def test_the_link_is_for_one_address_and_ends_with_the_next_and_a_revocation(
    new_browser: NewBrowser,  # noqa: F811
    browser: Browser,  # noqa: F811
    acme: Tenant,
    guest: Person,
    sign_in: SignIn,
    session: AsyncSession,
) -> None:
    first = link(await invite(browser, acme, guest.email))
    stored = (await session.exec(select(Invitation))).one()
    one = f"/organizations/{acme.slug}/invitations/{stored.id}"
    await browser.get(f"/organizations/{acme.slug}/invitations")
    second = link(await browser.post(f"{one}/resend"))
    finder, invited = new_browser(), new_browser()
    await finder.sign_in(await sign_in())
    await invited.sign_in(guest)
    await browser.get(f"/organizations/{acme.slug}/invitations")
    for each, path in ((finder, second), (invited, first)):
        await each.follow(await each.get(path))
        refused = await each.post("/organizations/join")
        assert (refused.status_code, len(notices(refused))) == (404, 1)
    revoked = await browser.follow(await browser.post(f"{one}/revoke"))
    assert notices(revoked) == ["The invitation is revoked."]
    await invited.follow(await invited.get(second))
    assert (await invited.post("/organizations/join")).status_code == 404


async def test_mistakes_are_shown_with_what_was_typed(
    browser: Browser,  # noqa: F811
    acme: Tenant,
    guest: Person,
) -> None:
    wrong = await invite(browser, acme, "nobody")
    assert (wrong.status_code, 'value="nobody"' in wrong.text) == (422, True)
    await invite(browser, acme, guest.email)
    await browser.get(f"/organizations/{acme.slug}/invitations")
    twice = await invite(browser, acme, guest.email)
    member = await invite(browser, acme, acme.people["owner"].email)
    for answer in (twice, member):
        assert (answer.status_code, len(notices(answer))) == (409, 1)


@pytest.mark.parametrize("token", ["", "a;b", "x" * 201, "a b", "ä"])
async def test_a_broken_link_sets_no_cookie(browser: Browser, token: str) -> None:  # noqa: F811
    answer = await browser.get("/organizations/invitation", token=token)
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers or "invitation" not in answer.headers["set-cookie"]
