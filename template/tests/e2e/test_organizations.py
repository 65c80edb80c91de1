"""Organizations: whose data the pages show, and how an invited user joins."""

import hashlib
import secrets

import httpx
import psycopg
import pytest
from playwright.async_api import Page, expect

from tests.e2e.site import Account, Site
from tests.e2e.steps import heading, sign_in

pytestmark = pytest.mark.slow


async def invitation(site: Site, database: str, email: str) -> str:
    """Create an organization as its owner, and invite somebody; the path of the link.

    The invitation gets a token that the test knows: the API may have sent the link by mail.
    """
    owner = site.supabase.issue_token(site.user().email)
    headers = {"Authorization": f"Bearer {owner}"}
    origin = site.url.removesuffix("/app")
    async with httpx.AsyncClient(base_url=f"{origin}/api/v1", headers=headers) as api:
        created = await api.post("/organizations", json={"name": "Tea house"})
        slug = created.json()["slug"]
        body = {"email": email, "role": "member"}
        invited = await api.post(f"/organizations/{slug}/invitations", json=body)
        assert invited.is_success, invited.text
    token = secrets.token_urlsafe(32)
    with psycopg.connect(database) as connection:
        connection.execute(
            "UPDATE app.organizations_invitations SET token_hash = %s WHERE email = %s",
            (hashlib.sha256(token.encode()).digest(), email),
        )
    return f"/invitation#token={token}"


async def test_an_invited_user_signs_in_and_joins(
    page: Page, site: Site, committed_url: str
) -> None:
    account = site.user()
    await page.goto(site.address(await invitation(site, committed_url, account.email)))
    await expect(heading(page, "Sign in")).to_be_visible()
    await sign_in(page, site, account)
    await page.get_by_role("button", name="Join").click()
    chosen = page.get_by_label("Organization").locator("option:checked")
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
