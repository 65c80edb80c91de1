"""The local Stripe of a project: Stripe's own command line, and a subscription in a browser.

The command line comes from npm. Everything else runs on this machine.
"""

import os
import re
import shutil
from pathlib import Path

import httpx
import pytest
from filelock import FileLock
from playwright.sync_api import Page, expect, sync_playwright

from support.commands import attempt
from support.plugins.variants import EVERYTHING, SignIn, Variant
from support.stack import DevStack, eventually

CLI = "@stripe/cli@1.52.0"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PLAN = "/api/v1/billing/subscription"
EMAIL = "demo@example.com"

pytestmark = [
    pytest.mark.network,
    pytest.mark.usefixtures("named"),
    pytest.mark.parametrize("variant", EVERYTHING, indirect=True),
]


@pytest.fixture(scope="session")
def cli() -> Path:
    """The folder of Stripe's command line, kept between runs outside the repository."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "copier-fastapi-supabase" / CLI.replace("/", "-")
    programs = folder / "node_modules/.bin"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if (programs / "stripe").exists():
            return programs
        if shutil.which("npm") is None:
            pytest.skip("needs npm for Stripe's command line: `apt-get install npm` brings it")
        install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), CLI]
        done = attempt(install, folder)
        if done.returncode != 0:
            pytest.skip(f"needs Stripe's command line: `{' '.join(install)}` says {done.stderr}")
    return programs


def test_stripes_own_command_line(variant: Variant, cli: Path) -> None:
    tests = "tests/devstack/local_stripe/test_cli.py"
    done = attempt(
        ["uv", "run", "--quiet", "pytest", "-q", tests],
        variant.project,
        PATH=f"{cli}{os.pathsep}{os.environ['PATH']}",
    )
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


def address(stack: DevStack) -> str:
    """The address in the table of `app dev`, which it prints when everything runs."""
    line = re.compile(r"│ Local Stripe +│ (\S+)")
    eventually(lambda: line.search(stack.log.read_text("utf-8", "replace")))
    found = line.search(stack.log.read_text("utf-8", "replace"))
    assert found
    return found[1]


def plan_of(client: httpx.Client) -> str:
    return str(client.get(PLAN).raise_for_status().json()["plan"])


@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium")
def test_a_subscription_from_its_checkout_to_its_renewal(
    variant: Variant, stack: DevStack, sign_in: SignIn
) -> None:
    overview = address(stack)
    variant.app("billing", "sync", "--yes")
    client = sign_in(EMAIL)
    offered = client.get("/api/v1/billing/plans").raise_for_status().json()["plans"]
    plan = next(each for each in offered if each["prices"])
    price = plan["prices"][0]["key"]
    free = plan_of(client)
    url = client.post(PLAN, json={"price": price}).raise_for_status().json()["url"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-quic"]
        )
        refuse_then_pay(browser.new_page(), url)
        eventually(lambda: plan_of(client) == plan["key"])
        assert plan["key"] != free
        page = browser.new_page()
        page.goto(overview)
        paid = page.get_by_role("row").filter(has_text="invoice.paid")
        expect(paid).not_to_have_count(0)
        before = paid.count()
        for _ in range(3):  # beyond the end of a trial
            with page.expect_navigation():
                page.get_by_role("button", name="+ 31 days").click()
        expect(paid).not_to_have_count(before)
        browser.close()


def refuse_then_pay(page: Page, url: str) -> None:
    """Try a card that is declined, then one that is not."""
    page.goto(url)
    page.get_by_label("Card").select_option("visa_chargeDeclined")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Card").select_option("visa")
    # The page after the checkout belongs to the application, which has none here.
    with page.expect_request(re.compile("session_id=cs_test_")):
        page.get_by_role("button", name="Subscribe").click()
