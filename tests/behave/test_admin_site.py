"""The admin site as a person sees it: in Chromium, with scripts, styles and its security policy.

    SCREENSHOTS=docs/images uv run pytest tests/behave/test_admin_site.py

also keeps the pictures of docs/admin.md.
"""

import os
import shutil
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, ViewportSize, sync_playwright

from support.plugins.variants import EVERYTHING, SignIn, Variant
from support.snapshot import ROOT
from support.stack import DevStack, feature_path, first_admin

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DEMO = "demo@example.com"
WIDE: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}

pytestmark = [
    pytest.mark.network,
    pytest.mark.usefixtures("named"),
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.parametrize("variant", EVERYTHING, indirect=True),
]


@pytest.fixture
def page(stack: DevStack) -> Iterator[Page]:
    """A page of a browser that loads nothing from elsewhere and has nothing to complain about."""
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-quic"]
        )
        # Nothing moves: on a busy machine a click could miss what still slides in.
        page = browser.new_page(viewport=WIDE, base_url=stack.url, reduced_motion="reduce")
        page.set_default_timeout(30_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: check(request.url, stack.url, complaints))
        yield page
        browser.close()
    assert complaints == []


def check(url: str, ours: str, complaints: list[str]) -> None:
    if not url.startswith((ours, "data:")):
        complaints.append(f"asked elsewhere: {url}")


def keep(page: Page, name: str) -> None:
    """Keep a picture for the documentation, if that was asked for."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=ROOT / folder / f"{name}.png")


def open_demo_user(page: Page) -> None:
    page.goto("/admin/user/list?search=demo")
    page.locator("table a[href*='/details/']").first.click()
    page.get_by_text(DEMO).first.wait_for()


def test_a_support_team_can_use_it(
    variant: Variant, stack: DevStack, sign_in: SignIn, page: Page
) -> None:
    person = sign_in(DEMO)
    items = feature_path(stack.project, person, "items")
    person.post(items, json={"title": "<b>Tea</b>"}).raise_for_status()
    variant.app("user", "suspend", DEMO)

    page.goto("/admin/user/list")
    keep(page, "admin-sign-in")
    email, password = first_admin(stack.project)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/user/list")

    # Approve: chosen in the list, asked, done.
    row = page.locator("tr", has_text=DEMO)
    assert "suspended" in row.inner_text()
    row.locator(".select-box").check()
    page.get_by_role("button", name="Actions").click()
    keep(page, "admin-users")
    page.get_by_role("link", name="Approve", exact=True).click()
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("heading", name="User", exact=True).wait_for()
    assert "approved" in page.locator("table").inner_text()

    # Edit an item, and remove it: the latter by SQLAdmin's own script.
    page.goto("/admin/item/list")
    assert "<b>Tea</b>" in page.locator("table").inner_text()
    page.locator("tr", has_text="Tea").locator("a[href*='/edit/']").click()
    page.get_by_label("Title").fill("Coffee")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/admin/item/list")
    page.locator("tr", has_text="Coffee").locator("[data-bs-target='#modal-delete']").click()
    page.locator("#modal-delete.show #modal-delete-button[data-url*='/item/']").click()
    page.get_by_text("Coffee").wait_for(state="detached")

    # Sign in as the user; the API believes it, until it is ended.
    open_demo_user(page)
    page.get_by_role("link", name="Sign in as").click()
    page.get_by_label("Reason").fill("Ticket 7")
    page.get_by_role("button", name="Sign in as").click()
    token = page.locator("#token").inner_text()
    me, headers = f"{stack.url}/api/v1/users/me", {"Authorization": f"Bearer {token}"}
    assert httpx.get(me, headers=headers).json()["email"] == DEMO
    page.goto("/admin/")
    page.get_by_text("You act as").wait_for()
    page.get_by_role("button", name="End it now").click()
    page.get_by_text("You act as").wait_for(state="detached")
    assert httpx.get(me, headers=headers).status_code == 401

    page.goto("/admin/audit-entry/list")
    assert {"approve", "delete", "sign_in_as"} <= set(page.locator("tbody").inner_text().split())
    keep(page, "admin-audit")

    # Readable on a phone: nothing is wider than the screen, the menu opens.
    page.set_viewport_size(PHONE)
    for path in ("/admin/", "/admin/user/list", "/admin/schedules"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
    page.goto("/admin/")
    keep(page, "admin-phone")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in").wait_for()
    page.goto("/admin/item/list")
    assert page.url.endswith("/admin/login?next=/admin/item/list")
