"""The pages as a person sees them: in Chromium, on a phone, without scripts, by keyboard.

    SCREENSHOTS=docs/images uv run pytest tests/behave/test_pages.py

also keeps the pictures of docs/pages.md.
"""

import base64
import hmac
import json
import os
import shutil
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from support.plugins.variants import CASES
from support.snapshot import ROOT
from support.stack import DevStack

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PHONE: ViewportSize = {"width": 390, "height": 844}
TABLET: ViewportSize = {"width": 820, "height": 1180}
WIDE: ViewportSize = {"width": 1280, "height": 800}
PASSWORD = "a long enough password"
PLAIN_NAME = """document.querySelectorAll(".brand, .site-footer")
    .forEach(each => each.textContent = "Shop")"""
# Of a laptop with a fingerprint, for Chromium.
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
# The persona with pages in which items belong to users.
HALF = [each for each in CASES if str(getattr(each, "id", "")).startswith("half")]

pytestmark = [
    pytest.mark.network,
    pytest.mark.usefixtures("named"),
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.parametrize("variant", HALF, indirect=True),
]

NewPage = Callable[..., Page]


@pytest.fixture
def supabase(stack: DevStack) -> str:
    """The address of the local Supabase."""
    lines = (stack.project / ".dev" / "env").read_text("utf-8").splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith("SUPABASE_URL="))


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-quic"]
        )
        yield browser
        browser.close()


@pytest.fixture
def new_page(stack: DevStack, supabase: str, browser: Browser) -> Iterator[NewPage]:
    """Open a browser that loads nothing from elsewhere and has nothing to complain about."""
    complaints: list[str] = []
    ours = (stack.url, by_name(stack.url), supabase)

    def new_page(viewport: ViewportSize = WIDE, *, scripts: bool = True) -> Page:
        context = browser.new_context(
            viewport=viewport,
            base_url=stack.url,
            reduced_motion="reduce",
            java_script_enabled=scripts,
        )
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: hear(message.text, complaints))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: check(request.url, ours, complaints))
        return page

    yield new_page
    assert complaints == []


def hear(text: str, complaints: list[str]) -> None:
    # Chromium knows fewer types of this header than other browsers do.
    if not text.startswith("Clear-Site-Data header"):
        complaints.append(text)


def check(url: str, ours: tuple[str, ...], complaints: list[str]) -> None:
    if not url.startswith((*ours, "data:")):
        complaints.append(f"asked elsewhere: {url}")


def by_name(url: str) -> str:
    """The address of this machine with its name."""
    return url.replace("127.0.0.1", "localhost")


def look(page: Page, name: str) -> None:
    """Check a page for everybody: in three widths, light and dark, and for assistive technology."""
    for width, viewport in (("phone", PHONE), ("tablet", TABLET), ("wide", WIDE)):
        page.set_viewport_size(viewport)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], name
        if folder := os.environ.get("SCREENSHOTS"):
            # The name of the persona is hostile on purpose.
            page.evaluate(PLAIN_NAME)
            page.screenshot(path=ROOT / folder / f"pages-{name}-{width}.png")
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{name}, {scheme}: {found.generate_report()}"


def send(page: Page, button: str, fields: dict[str, str] | None = None) -> None:
    """Fill the fields of a form, by their labels, send it and wait for the page that answers."""
    for label, value in (fields or {}).items():
        page.get_by_label(label, exact=True).fill(value)
    with page.expect_event("load"):
        page.get_by_role("button", name=button, exact=True).click()


def notice(page: Page, text: str) -> None:
    expect(page.locator(".notice")).to_contain_text(text)


def code_of(secret: str) -> str:
    """The code that an app with the secret shows now: RFC 6238."""
    key = base64.b32decode(secret.replace(" ", ""))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time() // 30)), "sha1")
    number = struct.unpack(">I", digest[digest[-1] & 15 :][:4])[0] & 0x7FFF_FFFF
    return f"{number % 10**6:06}"


def link_of(supabase: str, email: str) -> str:
    """The link of the last mail to an address."""
    mails = httpx.get(f"{supabase}/mails", headers={"Accept": "application/json"}).json()
    return str(next(mail["link"] for mail in mails if mail["to"] == email))


def test_the_life_of_an_account(new_page: NewPage, supabase: str, tmp_path: Path) -> None:
    page, email = new_page(), f"{uuid4().hex}@example.com"
    page.goto("/account")
    look(page, "sign-in")
    page.get_by_role("link", name="Create an account").click()
    look(page, "sign-up")
    send(page, "Create the account", {"E-mail address": email, "Password": PASSWORD})
    notice(page, "Your account is ready.")
    send(page, "Save", {"Name": "Ada <3"})
    notice(page, "Your profile is saved.")
    look(page, "account")

    # A second factor, after the password has been asked again.
    page.get_by_role("link", name="Manage the apps").click()
    look(page, "apps")
    send(page, "Continue", {"Name": "Phone"})
    look(page, "confirm")
    send(page, "Continue", {"Password": PASSWORD})
    send(page, "Continue", {"Name": "Phone"})
    page.get_by_alt_text("QR code").wait_for()
    assert page.evaluate("document.querySelector('.qr').naturalWidth") > 0
    look(page, "app-new")
    secret = page.locator("#secret").inner_text()
    send(page, "Add the app", {"Code": code_of(secret)})
    notice(page, "The app is added.")

    # A stolen cookie is worth nothing after the sign-out.
    stolen = page.context.storage_state()
    page.goto("/account")
    send(page, "Sign out")
    notice(page, "You have signed out.")
    page.context.set_storage_state(stolen)
    page.goto("/account")
    expect(page).to_have_url(f"{page.url.partition('/account')[0]}/account/sign-in?next=%2Faccount")

    # The password alone is not enough, also without scripts and on a phone.
    phone = new_page(PHONE, scripts=False)
    for each in (page, phone):
        each.goto("/account/apps")
        send(each, "Sign in", {"E-mail address": email, "Password": PASSWORD})
        each.get_by_role("heading", name="Second step").wait_for()
        each.goto("/account")
        each.get_by_role("heading", name="Sign in", exact=True).wait_for()
        each.goto("/account/sign-in/code")
        if each is page:
            look(page, "second-step")
        send(each, "Continue", {"Code": code_of(secret)})
        each.goto("/account/apps")
        each.get_by_role("link", name="Remove Phone").wait_for()

    # Another address, by the links of two mails.
    other = f"{uuid4().hex}@example.com"
    page.goto("/account/email")
    send(page, "Continue", {"Password": PASSWORD})
    look(page, "email")
    send(page, "Send the mails", {"New e-mail address": other})
    look(page, "email-sent")
    page.goto(link_of(supabase, email))
    page.get_by_text("Now open the link in the mail to the other address").wait_for()
    page.goto(link_of(supabase, other))
    send(page, "Continue", {"Code": code_of(secret)})
    expect(page.locator("main")).to_contain_text(other)

    # A link by mail, in place of the password.
    page.goto("/account")
    send(page, "Sign out everywhere")
    phone.goto("/account")
    phone.get_by_role("heading", name="Sign in", exact=True).wait_for()
    page.get_by_role("link", name="Sign in with a link by mail").click()
    send(page, "Send the mail", {"E-mail address": other})
    look(page, "code")
    page.goto(link_of(supabase, other))
    send(page, "Continue", {"Code": code_of(secret)})

    # The data, and the end.
    page.goto("/account/delete")
    send(page, "Continue", {"Password": PASSWORD})
    look(page, "delete")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download your data first").click()
    download.value.save_as(tmp_path / "account.json")
    assert json.loads((tmp_path / "account.json").read_text())["users"]["display_name"] == "Ada <3"
    send(page, "Delete my account")
    notice(page, "Your account is deleted.")


def test_a_passkey_signs_in(new_page: NewPage, stack: DevStack) -> None:
    page = new_page()
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    site = by_name(stack.url)
    page.goto(f"{site}/account/sign-up")
    fields = {"E-mail address": f"{uuid4().hex}@example.com", "Password": PASSWORD}
    send(page, "Create the account", fields)
    page.get_by_role("link", name="Manage the passkeys").click()
    page.get_by_role("link", name="Add a passkey").click()
    send(page, "Continue", {"Password": PASSWORD})
    look(page, "passkey-new")
    send(page, "Create the passkey", {"Name": "Laptop"})
    notice(page, "The passkey is added.")
    look(page, "passkeys")
    page.goto(f"{site}/account/passkeys/new")
    page.get_by_role("button", name="Create the passkey").click()
    notice(page, "This device has a passkey for this account already.")
    page.goto(f"{site}/account")
    send(page, "Sign out")
    page.goto(f"{site}/account/passkeys")
    send(page, "Sign in with a passkey")
    page.get_by_role("link", name="Remove Laptop").wait_for()

    # Browsers know no passkeys for numbers, and none without scripts.
    page.goto("/account/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    notice(page, "Passkeys do not work at this address of the site.")
    phone = new_page(PHONE, scripts=False)
    phone.goto(f"{site}/account/sign-in")
    expect(phone.get_by_role("button")).to_have_count(1)


def test_the_keyboard_is_enough(new_page: NewPage) -> None:
    page = new_page()
    page.goto("/account/sign-up")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type(f"{uuid4().hex}@example.com")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    notice(page, "Your account is ready.")
    # Everything that can be used has the focus once, in the order of the page, and shows it.
    shown = page.evaluate(
        """[...document.querySelectorAll("a, button, input:not([type=hidden])")]
            .map((each, number) => each.dataset.number = number).length"""
    )
    seen = []
    for _ in range(shown):
        page.keyboard.press("Tab")
        focus = "document.activeElement"
        seen.append(int(page.evaluate(f"{focus}.dataset.number")))
        assert page.evaluate(f"getComputedStyle({focus}).outlineStyle") != "none"
    assert seen == sorted(seen) == list(range(shown))


def test_items_with_and_without_scripts(new_page: NewPage) -> None:
    page, phone = new_page(), new_page(PHONE, scripts=False)
    email = f"{uuid4().hex}@example.com"
    page.goto("/account/sign-up")
    send(page, "Create the account", {"E-mail address": email, "Password": PASSWORD})
    phone.goto("/items")
    send(phone, "Sign in", {"E-mail address": email, "Password": PASSWORD})
    for each, title in ((page, "<b>Tea</b>"), (phone, "Coffee")):
        each.goto("/items")
        each.get_by_role("link", name="Add").click()
        send(each, "Save", {"Title": title, "Notes": "Two cups"})
        notice(each, "It was added.")
    page.goto("/items")
    look(page, "items")
    page.get_by_role("link", name="<b>Tea</b>").click()
    look(page, "item")

    # Scripts replace the rows while somebody types; without them, the button does it.
    for each in (page, phone):
        each.goto("/items")
        each.get_by_label("Search in the titles").fill("cof")
        if each is phone:
            each.get_by_role("button", name="Search").click()
        expect(each.locator("#rows li")).to_have_count(1)
        expect(each.locator("#rows")).to_contain_text("Coffee")
        assert each.url.endswith("search=cof")

    # A task does the work: one browser hears of its end, the other one loads the page again.
    for each in (page, phone):
        each.goto("/items")
        send(each, "Complete all")
        each.get_by_role("heading", name="Done").wait_for()
        each.get_by_role("link", name="Continue").click()
        expect(each.locator(".badge.good")).to_have_count(2)
