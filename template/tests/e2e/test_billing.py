"""Billing: from the prices through a checkout of the local Stripe to the cancellation."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from devstack.ports import free_port
from devstack.stripe import LocalStripe
from devstack.supabase import LocalSupabase
from tests.e2e.site import Account, Site
from tests.e2e.steps import heading, sign_in, violations
from tests.extensions.billing.shop import HOOK, KEY, SECRET
from tests.support.processes import PROJECT, eventually, own_redis, running, serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
async def shop(built: Path, committed_url: str, supabase: LocalSupabase) -> AsyncIterator[Site]:
    """The application with a Stripe, and with a worker that gets its events."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    site = Site.at(origin, supabase)
    with LocalStripe(webhook_url=f"{origin}{HOOK}", webhook_secret=SECRET) as stripe:
        environment = {
            "BILLING_STRIPE_URL": stripe.url,
            "BILLING_STRIPE_KEY": KEY,
            "BILLING_WEBHOOK_SECRET": SECRET,
            "BILLING_PLANS": "tests.extensions.billing.plans",
            "BILLING_RETURN_URL": site.address("/billing"),
            "DATABASE_URL": committed_url,
            "FRONTEND_FOLDER": str(built),
            "REDIS_URL": own_redis(14),
        }
        sync = [sys.executable, "-m", "app", "billing", "sync", "--yes"]
        subprocess.run(sync, cwd=PROJECT, env={**os.environ, **environment}, check=True)
        alone = ("--concurrency=1", "--without-mingle", "--without-gossip")
        worker = ("celery", "-A", "app.worker", "worker", *alone)
        with running(*worker, stop=signal.SIGKILL, **environment):
            async with serving("app.main:app", f"--port={port}", **environment):
                yield site


def plan(page: Page) -> Locator:
    """What the page tells about the plan."""
    return page.get_by_role("region", name="Plan")


async def has_invoice(site: Site, account: Account) -> bool:
    """Whether the webhook has brought an invoice."""
    headers = {"Authorization": f"Bearer {site.supabase.issue_token(account.email)}"}
    async with httpx.AsyncClient(base_url=site.api, headers=headers) as api:
        answer = await api.get("/billing/invoices")
    return bool(answer.json()["items"])


async def test_a_user_subscribes_changes_and_cancels(page: Page, shop: Site) -> None:
    await page.goto(shop.address("/pricing"))
    await expect(heading(page, "Pricing")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("button", name="Subscribe to Pro").click()
    await expect(heading(page, "Sign in")).to_be_visible()
    account = await sign_in(page, shop)
    await expect(heading(page, "Pricing")).to_be_visible()
    await page.get_by_role("button", name="Subscribe to Pro").click()
    await page.get_by_role("button", name="Subscribe", exact=True).click()  # on Stripe's page

    await expect(page.get_by_text("Thank you.")).to_be_visible()
    await expect(plan(page)).to_contain_text("Pro")
    await expect(plan(page)).to_contain_text("active")
    await eventually(lambda: has_invoice(shop, account))
    await page.reload()
    invoices = page.get_by_role("region", name="All invoices").get_by_role("row")
    await expect(invoices).to_have_count(2)  # with that of the headings
    await expect(invoices.last).to_contain_text("paid")
    assert await violations(page) == []

    await page.get_by_label("Plan and price").select_option("team_monthly")
    await page.get_by_label("Seats").fill("3")
    await page.get_by_role("button", name="Show what it costs").click()
    await expect(page.get_by_text("are due now")).to_be_visible()
    await page.get_by_label("Seats").fill("2")
    # Another choice has to be asked about again.
    await page.get_by_role("button", name="Show what it costs").click()
    await page.get_by_role("button", name="Change now").click()
    await expect(plan(page)).to_contain_text("Team")
    await expect(plan(page)).to_contain_text("Seats2")

    await page.get_by_role("button", name="End subscription").click()
    await page.get_by_role("dialog").get_by_role("button", name="End subscription").click()
    await expect(plan(page)).to_contain_text("Ends on")
    await page.get_by_role("button", name="Resume").click()
    await expect(plan(page)).to_contain_text("Renews on")
    await page.get_by_role("button", name="Means of payment").click()
    await expect(page.get_by_role("heading", name="Billing portal")).to_be_visible()


async def test_who_leaves_the_checkout_has_paid_nothing(page: Page, shop: Site) -> None:
    await sign_in(page, shop)
    await page.goto(shop.address("/pricing"))
    await page.get_by_role("button", name="Subscribe to Basic").click()
    await page.get_by_role("button", name="Go back without paying").click()
    await expect(page.get_by_text("The checkout was cancelled")).to_be_visible()
    await expect(plan(page)).to_contain_text("Free")
    # The address alone brings nothing either.
    await page.goto(shop.address("/billing?checkout=success&session_id=cs_guessed"))
    await expect(plan(page)).to_contain_text("Free")


async def test_a_pack_is_bought_once(page: Page, shop: Site) -> None:
    account = await sign_in(page, shop)
    await page.goto(shop.address("/pricing"))
    await page.get_by_role("button", name="Buy Pack").click()
    await page.get_by_role("button", name="Pay", exact=True).click()
    await expect(page.get_by_text("Thank you.")).to_be_visible()
    await eventually(lambda: has_invoice(shop, account))
