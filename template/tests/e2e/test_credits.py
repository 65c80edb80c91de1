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
    await expect(page.get_by_label("Balance", exact=True)).to_contain_text("100")
    entries = page.get_by_role("region", name="Entries").get_by_role("row")
    await expect(entries).to_have_count(2)
    await expect(entries.nth(1)).to_contain_text("+100")
