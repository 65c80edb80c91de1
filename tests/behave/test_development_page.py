"""The development page as a developer sees it: in Chromium, with its scripts, by keyboard.

    SCREENSHOTS=docs/images uv run pytest tests/behave/test_development_page.py

also keeps the pictures of docs/development-page.md.
"""

import os
import re
import shutil
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from support.plugins.variants import EVERYTHING, SignIn
from support.snapshot import ROOT
from support.stack import DevStack, eventually, feature_path

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
WIDE: ViewportSize = {"width": 1280, "height": 720}
PHONE: ViewportSize = {"width": 390, "height": 844}
HOSTILE = "<img src=x onerror=alert(1)>"
MANY = 1000
# Milliseconds of a click on a busy machine; it takes a tenth of this on an idle one.
PATIENCE = 1000

pytestmark = [
    pytest.mark.network,
    pytest.mark.usefixtures("named"),
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.parametrize("variant", EVERYTHING, indirect=True),
]


@pytest.fixture
def address(stack: DevStack) -> str:
    """The address in the table of `app dev`, which it prints when everything runs."""
    line = re.compile(r"│ Development page +│ (\S+)")
    eventually(lambda: line.search(stack.log.read_text("utf-8", "replace")))
    found = line.search(stack.log.read_text("utf-8", "replace"))
    assert found
    return found[1]


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    """A page of a browser that loads nothing from elsewhere and has nothing to complain about."""
    complaints: list[str] = []

    def check(url: str) -> None:
        if not url.startswith((address, "data:")):
            complaints.append(f"asked elsewhere: {url}")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-quic"]
        )
        page = browser.new_page(viewport=WIDE, base_url=address, reduced_motion="reduce")
        page.set_default_timeout(30_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: check(request.url))
        yield page
        browser.close()
    assert complaints == []


def keep(page: Page, name: str) -> None:
    """Keep a picture for the documentation, if that was asked for."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=ROOT / folder / f"{name}.png")


def test_a_developer_can_use_it(stack: DevStack, sign_in: SignIn, page: Page) -> None:
    demo = sign_in("demo@example.com")
    items = feature_path(stack.project, demo, "items")
    page.goto("/")
    expect(page.locator("#state")).to_have_text("live")
    # Other tests have asked this stack before.
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".row")).to_have_count(0)
    # Live, without loading the page again.
    demo.post(items, json={"title": "Tea"}).raise_for_status()
    for limit in range(1, 8):
        demo.get(items, params={"limit": limit}).raise_for_status()
    missing = demo.get("/api/v1/nowhere", params={"q": HOSTILE, "sent": "a&b=c"})
    assert missing.status_code == httpx.codes.NOT_FOUND
    row = page.locator(".row", has_text="/nowhere")
    expect(row).to_contain_text("onerror=alert(1)")
    expect(page.locator(".row img")).to_have_count(0)
    keep(page, "development-requests")

    # By keyboard: search, choose, open, the next one, close.
    page.keyboard.press("/")
    page.keyboard.type("/items")
    expect(page.locator(".row", has_text="/nowhere")).to_have_count(0)
    page.keyboard.press("Enter")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    details = page.locator("#details")
    expect(details).to_contain_text(f"{items}?limit=6")
    expect(details.locator(".block", has_text="SQL")).to_contain_text("app.items")
    keep(page, "development-request")
    page.keyboard.press("j")
    expect(details).to_contain_text(f"{items}?limit=5")
    assert "/requests/" in page.url
    page.reload()
    expect(details).to_contain_text(f"{items}?limit=5")
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()

    # Filters, and the address in an answer.
    page.get_by_role("button", name="Errors").click()
    expect(page.locator(".row", has_text="/items")).to_have_count(0)
    expect(page.locator(".row", has_text="/nowhere")).to_have_count(1)
    page.goto(missing.json()["page"])
    expect(details).to_contain_text("/api/v1/nowhere")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    details.get_by_role("button", name="Copy as curl").click()
    expect(details.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"{missing.request.url.raw_path.decode()}'" in copied

    # A schedule starts now, and its task appears.
    page.keyboard.press("3")
    page.get_by_role("button", name="Run items.report now").click()
    page.get_by_role("link", name="enqueued").click()
    expect(details).to_contain_text("items.report")
    expect(details.locator(".about .tag")).to_have_text("success")
    page.keyboard.press("6")
    secret = page.locator("tr", has_text="SUPABASE_SECRET_KEY")
    expect(secret.locator("td").nth(1)).to_have_text("•••")

    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("copy as curl")
    page.keyboard.press("Escape")
    page.set_viewport_size(PHONE)
    for path in ("/", "/tasks", "/schedules", "/settings", "/routes", "/files"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path


def test_it_is_fast_with_a_thousand_requests(stack: DevStack, page: Page) -> None:
    with httpx.Client(base_url=stack.url) as client:
        for number in range(MANY):
            client.get(f"/nothing/{number}")
    page.goto("/")
    expect(page.locator("#views a").first).to_contain_text("1000")
    assert page.locator(".row").count() < 100
    measured = page.evaluate(
        """async () => {
            const frame = () => new Promise(requestAnimationFrame);
            const times = [];
            const search = document.getElementById("search");
            for (const text of ["nothing/9", "nothing/99", ""]) {
                const started = performance.now();
                search.value = text;
                search.dispatchEvent(new Event("input"));
                await frame();
                times.push(performance.now() - started);
            }
            const scroll = document.getElementById("scroll");
            for (const top of [10000, 30000, 0]) {
                const started = performance.now();
                scroll.scrollTop = top;
                await frame(); await frame();
                times.push(performance.now() - started);
            }
            return times;
        }"""
    )
    assert max(measured) < PATIENCE, measured
    print(measured)
