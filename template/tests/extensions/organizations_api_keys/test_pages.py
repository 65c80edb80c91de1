"""Keys of an organization in a browser, for its admins."""

import re
from uuid import uuid4

import pytest
from httpx import AsyncClient
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.api_keys.models import ApiKey
from app.extensions.organizations_api_keys.service import machine_of
from tests.extensions.account.conftest import (  # noqa: F401 - fixtures
    NewBrowser,
    new_browser,
    no_sessions,
)
from tests.support.pages import Browser, notices
from tests.support.tenants import PATH, Tenant, Tenants

NEW = {"name": "Nightly", "scopes": "organizations:read", "networks": "", "expires_in_days": ""}


@pytest.fixture
async def acme(tenants: Tenants) -> Tenant:
    return await tenants.create("Acme", "admin", "member")


def keys_of(tenant: Tenant) -> str:
    return f"/organizations/{tenant.slug}/api-keys"


async def signed_in(browser: Browser, tenant: Tenant, role: str) -> Browser:
    await browser.sign_in(tenant.people[role])
    await browser.confirm()
    await browser.get("/account")
    return browser


async def test_an_admin_creates_replaces_and_ends_a_key(
    new_browser: NewBrowser,  # noqa: F811
    acme: Tenant,
    client: AsyncClient,
    session: AsyncSession,
) -> None:
    browser = await signed_in(new_browser(), acme, "admin")
    page = await browser.get(f"/organizations/{acme.slug}")
    assert f'href="{keys_of(acme)}"' in page.text
    await browser.get(f"{keys_of(acme)}/new")
    made = await browser.post(f"{keys_of(acme)}/new", **NEW)
    found = re.search(r'name="key" type="text" value="([^"]+)"', made.text)
    assert found
    headers = {"Authorization": f"Bearer {found[1]}"}
    assert (await client.get(f"{PATH}/{acme.slug}", headers=headers)).status_code == 200
    mine = select(ApiKey.id).where(col(ApiKey.owner_id) == machine_of(acme.id))
    one = f"{keys_of(acme)}/{(await session.exec(mine)).one()}"
    for path in (keys_of(acme), one):
        assert found[1] not in (await browser.get(path)).text
    rotated = await browser.post(f"{one}/rotate", overlap_hours="0")
    assert rotated.status_code == 200
    assert (await client.get(f"{PATH}/{acme.slug}", headers=headers)).status_code == 401
    await browser.get(one)
    revoked = await browser.follow(await browser.post(f"{one}/revoke"))
    assert notices(revoked) == ["The key is revoked."]


async def test_a_new_key_needs_a_confirmation(
    new_browser: NewBrowser,  # noqa: F811
    acme: Tenant,
) -> None:
    browser = new_browser()
    await browser.sign_in(acme.people["owner"])
    await browser.get("/account")
    path = f"{keys_of(acme)}/new"
    for answer in (await browser.get(path), await browser.post(path, **NEW)):
        assert answer.headers["location"].startswith("/account/confirm?next=%2Forganizations%2F")


async def test_members_are_refused_and_others_find_nothing(
    new_browser: NewBrowser,  # noqa: F811
    acme: Tenant,
    tenants: Tenants,
    session: AsyncSession,
) -> None:
    made = await acme.ask(
        "owner", "POST", "/api-keys", {"name": "Ours", "scopes": ["organizations:read"]}
    )
    other = await tenants.create("Other")
    member = await signed_in(new_browser(), acme, "member")
    stranger = await signed_in(new_browser(), other, "owner")
    one = f"{keys_of(acme)}/{made.json()['id']}"
    for browser, status in ((member, 403), (stranger, 404)):
        answers = [await browser.get(each) for each in (keys_of(acme), f"{keys_of(acme)}/new", one)]
        answers.append(await browser.post(f"{keys_of(acme)}/new", **NEW))
        answers.append(await browser.post(f"{one}/rotate", overlap_hours="0"))
        answers.append(await browser.post(f"{one}/revoke"))
        assert {each.status_code for each in answers} == {status}
        assert not any("Ours" in each.text for each in answers)
    for key in (made.json()["id"], uuid4()):
        path = f"{keys_of(other)}/{key}"
        answers = [await stranger.get(path), await stranger.post(f"{path}/revoke")]
        answers.append(await stranger.post(f"{path}/rotate", overlap_hours="0"))
        assert {each.status_code for each in answers} == {404}
    assert (await session.exec(select(ApiKey.revoked_at))).one() is None


async def test_a_personal_organization_has_no_keys(
    new_browser: NewBrowser,  # noqa: F811
    acme: Tenant,
) -> None:
    browser = await signed_in(new_browser(), acme, "owner")
    await browser.get("/organizations")
    listed = (await browser.follow(await browser.post("/organizations/personal"))).text
    personal = re.search(r'href="/organizations/([\w-]+)/members">Personal<', listed)
    assert personal
    path = f"/organizations/{personal[1]}/api-keys"
    assert f'href="{path}/new"' not in (await browser.get(path)).text
    await browser.get(f"{path}/new")
    refused = await browser.post(f"{path}/new", **NEW)
    assert (refused.status_code, len(notices(refused))) == (409, 1)
