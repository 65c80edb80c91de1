"""Every page for screen readers and keyboards, light and dark, on a desktop and a phone (axe)."""

from typing import Any, Literal

import pytest
from playwright.async_api import Page, expect

from tests.e2e.site import SAMPLE, Site
from tests.e2e.steps import add_item, heading, sign_in, violations

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_pages_have_no_violations(
    page: Page, site: Site, device: dict[str, Any], colours: Literal["light", "dark"]
) -> None:
    await page.emulate_media(color_scheme=colours)
    for path in ("/sign-in", "/sign-up", "/reset-password", "/auth/callback"):
        await page.goto(site.address(path))
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert await violations(page) == [], path
    await sign_in(page, site)
    if SAMPLE.exists():
        await add_item(page, "Assam")
        assert await violations(page) == []
        await page.get_by_role("link", name="Assam").click()
        await expect(heading(page, "Change an item")).to_be_visible()
        assert await violations(page) == []
    links = page.get_by_role("navigation", name="Main").get_by_role("link")
    for name in await links.all_inner_texts():
        await page.get_by_role("navigation").get_by_role("link", name=name).click()
        await expect(heading(page, name)).to_be_visible()
        assert await violations(page) == [], name
    width = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0, "the page scrolls sideways"


async def test_the_colours_can_be_changed_and_stay(page: Page, site: Site) -> None:
    await page.emulate_media(color_scheme="light")
    await page.goto(site.address("/sign-in"))
    await page.get_by_role("button", name="Use dark colours").click()
    await page.reload()
    scheme = await page.evaluate("getComputedStyle(document.documentElement).colorScheme")
    assert scheme == "dark"


async def test_keyboards_reach_the_content_first(page: Page, site: Site) -> None:
    await page.goto(site.address("/sign-in"))
    await expect(heading(page, "Sign in")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
