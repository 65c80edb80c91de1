"""Who may use which page of an organization: every role, strangers, and who was just removed."""

from uuid import uuid4

import pytest
from sqlmodel import col, delete
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.organizations.models import Member
from tests.extensions.account.conftest import (  # noqa: F401 - fixtures
    NewBrowser,
    new_browser,
    no_sessions,
)
from tests.support.tenants import Tenant, Tenants

SOMEBODY = str(uuid4())
MEMBERS, ADMINS, OWNERS = ("owner", "admin", "member"), ("owner", "admin"), ("owner",)

# Path below the organization -> the roles that see it.
SHOWN = {
    "": MEMBERS,
    "/members": MEMBERS,
    f"/members/{SOMEBODY}": ADMINS,
    "/invitations": ADMINS,
    "/delete": OWNERS,
    "/export": OWNERS,
}
# Path -> the fields of a change that changes nothing, and the roles that may make it.
CHANGES = {
    "/name": ({"name": "Acme"}, ADMINS),
    "/leave": ({}, MEMBERS),
    "/delete": ({}, OWNERS),
    f"/members/{SOMEBODY}": ({"role": "member"}, ADMINS),
    f"/members/{SOMEBODY}/transfer": ({}, OWNERS),
    f"/members/{SOMEBODY}/remove": ({}, ADMINS),
    "/invitations": ({"email": "none", "role": "member"}, ADMINS),
    f"/invitations/{SOMEBODY}/resend": ({}, ADMINS),
    f"/invitations/{SOMEBODY}/revoke": ({}, ADMINS),
}


@pytest.fixture
async def acme(tenants: Tenants) -> Tenant:
    return await tenants.create("Acme", "admin", "member")


@pytest.mark.parametrize("role", MEMBERS)
async def test_each_role_gets_its_pages_and_nothing_else(
    new_browser: NewBrowser,  # noqa: F811
    acme: Tenant,
    role: str,
) -> None:
    browser = new_browser()
    await browser.sign_in(acme.people[role])
    home = f"/organizations/{acme.slug}"
    page = await browser.get(home)
    for path, roles in SHOWN.items():
        answer = await browser.get(f"{home}{path}")
        assert (answer.status_code == 403) is (role not in roles), path
        # Only the pages that are for the role are linked.
        if f'href="{home}{path}"' in page.text:
            assert role in roles, path
    for path, (fields, roles) in CHANGES.items():
        if path == "/leave":
            continue  # the member would be gone
        answer = await browser.post(f"{home}{path}", **fields)
        assert (answer.status_code == 403) is (role not in roles), path
        assert answer.status_code != 500, path


async def test_a_member_who_was_removed_a_second_ago_and_others_find_nothing(
    new_browser: NewBrowser,  # noqa: F811
    acme: Tenant,
    tenants: Tenants,
    session: AsyncSession,
) -> None:
    other = await tenants.create("Other")
    removed, stranger = new_browser(), new_browser()
    await removed.sign_in(acme.people["admin"])
    await stranger.sign_in(other.people["owner"])
    home = f"/organizations/{acme.slug}"
    assert (await removed.get(home)).status_code == 200
    await stranger.get("/account")
    gone = col(Member.user_id) == acme.people["admin"].id
    await session.exec(delete(Member).where(gone, col(Member.organization_id) == acme.id))
    await session.commit()
    answers = []
    for browser in (removed, stranger):
        answers += [await browser.get(f"{home}{path}") for path in SHOWN]
        answers += [
            await browser.post(f"{home}{path}", **fields) for path, (fields, _) in CHANGES.items()
        ]
        answers.append(await browser.post(f"{home}/restore"))
    for answer in answers:
        assert answer.status_code == 404, answer.url
        assert 'data-code="organization_not_found"' in answer.text, answer.url
        assert "Acme" not in answer.text
        assert not any(each.email in answer.text for each in acme.people.values())
