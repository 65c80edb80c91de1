"""The balance and the ledger."""

import pytest
from playwright.async_api import Page, expect

from tests.e2e.site import Site
from tests.e2e.steps import heading, sign_in

pytestmark = pytest.mark.slow


async def test_a_new_user_sees_the_first_credits(page: Page, site: Site) -> None:
    await sign_in(page, site)
    await page.get_by_role("link", name="Credits").click()
    await expect(heading(page, "Credits")).to_be_visible()
    entries = page.get_by_role("region", name="Entries").get_by_role("row")
    newest = entries.nth(1).get_by_role("cell")
    await expect(newest.nth(2)).to_have_text("+100")
    balance = await newest.nth(3).inner_text()
    await expect(page.get_by_label("Balance", exact=True)).to_contain_text(balance)
