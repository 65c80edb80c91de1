"""What people do in the application, in their words."""

from playwright.async_api import Locator, Page, expect

from tests.e2e.site import WEB, Account, Site

AXE = WEB / "node_modules/axe-core/axe.min.js"


async def sign_in(page: Page, site: Site, account: Account | None = None) -> Account:
    """Sign in as a new user, or as one that there is; the page is the one that was asked for."""
    account = account or site.user()
    if "/sign-in" not in page.url:
        await page.goto(site.address("/sign-in"))
    await page.get_by_label("E-mail address").fill(account.email)
    await page.get_by_label("Password", exact=True).fill(account.password)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    return account


async def add_item(page: Page, title: str) -> None:
    """Add an item on the page with the list."""
    await page.get_by_label("New item").fill(title)
    await page.get_by_role("button", name="Add").click()
    await expect(page.get_by_role("link", name=title, exact=True)).to_be_visible()


def heading(page: Page, name: str) -> Locator:
    """The main heading."""
    return page.get_by_role("heading", name=name, level=1)


async def violations(page: Page) -> list[tuple[str, list[str]]]:
    """The rules of accessibility that a page breaks, with the elements (axe)."""
    await page.evaluate(AXE.read_text("utf-8"))
    found = await page.evaluate("axe.run()")
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]
