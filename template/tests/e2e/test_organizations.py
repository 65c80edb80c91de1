"""Organizations: whose data the pages show, how an invited user joins, and what admins do."""

import hashlib
import secrets

import httpx
import psycopg
import pytest
from playwright.async_api import Page, expect

from tests.e2e.site import Account, Site
from tests.e2e.steps import heading, sign_in, violations

pytestmark = pytest.mark.slow


async def invitation(site: Site, database: str, email: str) -> str:
    """Create an organization as its owner, and invite somebody; the path of the link.

    The API may have sent the link by mail, so the invitation gets another token.
    """
    owner = site.supabase.issue_token(site.user().email)
    headers = {"Authorization": f"Bearer {owner}"}
    async with httpx.AsyncClient(base_url=site.api, headers=headers) as api:
        created = await api.post("/organizations", json={"name": "Tea house"})
        slug = created.json()["slug"]
        body = {"email": email, "role": "member"}
        invited = await api.post(f"/organizations/{slug}/invitations", json=body)
        assert invited.is_success, invited.text
    return f"/invitation#token={known_token(database, email)}"


def known_token(database: str, email: str) -> str:
    """Give the invitation of an address a token that the test knows."""
    token = secrets.token_urlsafe(32)
    with psycopg.connect(database) as connection:
        connection.execute(
            "UPDATE app.organizations_invitations SET token_hash = %s WHERE email = %s",
            (hashlib.sha256(token.encode()).digest(), email),
        )
    return token


async def accept(site: Site, database: str, account: Account) -> None:
    """Accept an invitation in another browser."""
    headers = {"Authorization": f"Bearer {site.supabase.issue_token(account.email)}"}
    body = {"token": known_token(database, account.email)}
    async with httpx.AsyncClient(base_url=site.api, headers=headers) as api:
        assert (await api.post("/organizations/accept-invitation", json=body)).is_success


async def test_an_invited_user_signs_in_and_joins(
    page: Page, site: Site, committed_url: str
) -> None:
    account = site.user()
    await page.goto(site.address(await invitation(site, committed_url, account.email)))
    await expect(heading(page, "Sign in")).to_be_visible()
    await sign_in(page, site, account)
    await page.get_by_role("button", name="Join").click()
    chosen = page.get_by_role("combobox", name="Organization").locator("option:checked")
    await expect(chosen).to_have_text("Tea house")


async def test_an_invitation_of_somebody_else_is_refused(
    page: Page, site: Site, committed_url: str
) -> None:
    await page.goto(site.address(await invitation(site, committed_url, Account().email)))
    await expect(heading(page, "Sign in")).to_be_visible()
    await sign_in(page, site)
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_role("alert")).to_be_visible()


async def test_a_link_without_a_token_is_not_complete(page: Page, site: Site) -> None:
    await page.goto(site.address("/invitation"))
    await expect(page.get_by_role("alert")).to_be_visible()


async def create(page: Page, site: Site, name: str) -> None:
    """Create an organization as the user who is signed in, and choose it."""
    await page.goto(site.address("/organization"))
    await page.get_by_label("Name of the new one").fill(name)
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page.get_by_label("Name", exact=True)).to_have_value(name)


async def test_admins_invite_change_roles_and_remove_members(
    page: Page, site: Site, committed_url: str
) -> None:
    owner, member, guest = await sign_in(page, site), site.user(), Account()
    await create(page, site, "Tea house")
    await page.get_by_role("link", name="Members and invitations").click()
    await expect(heading(page, "Members of Tea house")).to_be_visible()
    for account in (member, guest):
        await page.get_by_label("E-mail address").fill(account.email)
        await page.get_by_role("button", name="Invite").click()
        await expect(page.get_by_text(account.email, exact=True)).to_be_visible()
    await page.get_by_label("E-mail address").fill(guest.email)
    await page.get_by_role("button", name="Invite").click()
    await expect(page.get_by_role("alert")).to_be_visible()  # invited already
    assert await violations(page) == []

    again = page.get_by_role("button", name=f"Send again: the invitation of {member.email}")
    await again.click()
    sent = page.get_by_label("Open invitations").get_by_text("on its way")
    await expect(
        sent.or_(page.get_by_label(f"Pass this link on to {member.email}"))
    ).to_be_visible()
    await page.get_by_role("button", name=f"Revoke the invitation of {guest.email}").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(page.get_by_text(guest.email, exact=True)).to_have_count(0)

    await accept(site, committed_url, member)
    await page.reload()
    role = page.get_by_label(f"Role of {member.email}")
    await role.select_option("admin")
    await expect(role).to_be_enabled()
    await page.reload()
    await expect(role).to_have_value("admin")
    mine = page.get_by_label(f"Role of {owner.email}")
    await mine.select_option("member")
    await expect(page.get_by_role("alert")).to_be_visible()  # the last owner
    await expect(mine).to_have_value("owner")
    await page.get_by_role("button", name=f"Remove {member.email}").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(role).to_have_count(0)


async def test_an_organization_is_renamed_given_away_left_deleted_and_restored(
    page: Page, site: Site, committed_url: str
) -> None:
    await sign_in(page, site)
    await create(page, site, "Tea house")
    await page.get_by_label("Name", exact=True).fill("Coffee house")
    await page.get_by_role("button", name="Save").click()
    chosen = page.get_by_role("combobox", name="Organization").locator("option:checked")
    await expect(chosen).to_have_text("Coffee house")
    assert await violations(page) == []

    await page.get_by_role("button", name="Delete Coffee house").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    restore = page.get_by_role("button", name="Restore Coffee house")
    await restore.click()
    await expect(restore).to_have_count(0)
    await expect(chosen).to_have_text("Coffee house")

    heir = site.user()
    await page.get_by_role("link", name="Members and invitations").click()
    await page.get_by_label("E-mail address").fill(heir.email)
    await page.get_by_role("button", name="Invite").click()
    await expect(page.get_by_text(heir.email, exact=True)).to_be_visible()
    await accept(site, committed_url, heir)
    await page.get_by_role("link", name="Settings").click()
    await page.get_by_role("button", name="Transfer").click()
    await expect(page.get_by_role("button", name="Transfer")).to_have_count(0)
    await page.get_by_role("button", name="Leave Coffee house").click()
    await page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Personal")
    await expect(page.get_by_role("combobox", name="Organization")).to_have_count(0)
