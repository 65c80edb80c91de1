"""Billing of organizations: the plan is that of the one that is chosen; members only look at it."""

import pytest
from playwright.async_api import Page, expect

from tests.e2e.site import Site
from tests.e2e.steps import sign_in
from tests.e2e.test_billing import plan
from tests.e2e.test_billing import shop as shop
from tests.e2e.test_organizations import accept, create

pytestmark = pytest.mark.slow


async def test_an_organization_subscribes_and_its_members_see_the_plan(
    page: Page, shop: Site, committed_url: str
) -> None:
    await sign_in(page, shop)
    await create(page, shop, "Tea house")
    member = shop.user()
    await page.get_by_role("link", name="Members and invitations").click()
    await page.get_by_label("E-mail address").fill(member.email)
    await page.get_by_role("button", name="Invite").click()
    await expect(page.get_by_text(member.email, exact=True)).to_be_visible()
    await accept(shop, committed_url, member)

    await page.goto(shop.address("/pricing"))
    await page.get_by_role("button", name="Subscribe to Basic").click()
    await page.get_by_role("button", name="Subscribe", exact=True).click()
    await expect(plan(page)).to_contain_text("Basic")
    await page.get_by_role("combobox", name="Organization").select_option(label="Personal")
    await expect(plan(page)).to_contain_text("Free")

    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await sign_in(page, shop, member)
    await page.goto(shop.address("/billing"))
    await page.get_by_role("combobox", name="Organization").select_option(label="Tea house")
    await expect(plan(page)).to_contain_text("Basic")
    await expect(plan(page)).to_contain_text("Only those who manage payments")
    await expect(page.get_by_role("button", name="End subscription")).to_have_count(0)
