"""Accounts: signing in and out, other passwords, and sessions that end in between."""

import json

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.e2e.site import Account, Site
from tests.e2e.steps import heading, sign_in

pytestmark = pytest.mark.slow


async def test_a_link_leads_back_after_the_sign_in(page: Page, site: Site) -> None:
    await page.goto(site.address("/account?from=mail&page=2"))
    await expect(heading(page, "Sign in")).to_be_visible()
    await sign_in(page, site)
    await expect(page).to_have_url(site.address("/account?from=mail&page=2"))


async def test_a_link_to_another_site_leads_nowhere(page: Page, site: Site) -> None:
    await page.goto(site.address("/sign-in?next=//evil.example/"))
    await sign_in(page, site)
    assert page.url.startswith(site.url)


async def test_a_wrong_password_is_refused(page: Page, site: Site) -> None:
    account = site.user()
    await page.goto(site.address("/sign-in"))
    await page.get_by_label("E-mail address").fill(account.email)
    await page.get_by_label("Password", exact=True).fill("wrong" + account.password)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_role("button", name="Sign out")).to_have_count(0)


async def test_a_new_password_by_mail(page: Page, site: Site) -> None:
    account = site.user()
    await page.goto(site.address("/reset-password"))
    await page.get_by_label("E-mail address").fill(account.email)
    await page.get_by_role("button", name="Send the link").click()
    await expect(page.get_by_role("status")).to_be_visible()
    await page.goto(site.supabase.mailbox.mails[-1].link)
    await expect(heading(page, "Choose a new password")).to_be_visible()
    changed = Account(account.email)
    await page.get_by_label("New password").fill(changed.password)
    await page.get_by_role("button", name="Save the password").click()
    await expect(heading(page, "Account")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await sign_in(page, site, changed)


async def test_a_display_name_is_saved(page: Page, site: Site) -> None:
    await sign_in(page, site)
    await page.goto(site.address("/account"))
    await page.get_by_label("Display name").fill("Ada")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("Display name")).to_have_value("Ada")


async def refuse_token(page: Page, site: Site, account: Account) -> None:
    """Replace the access token by one that the API refuses and that the browser believes in."""
    expired = site.supabase.issue_token(account.email, seconds=-60)
    await page.evaluate(
        """token => {
            const session = JSON.parse(localStorage.getItem("session"));
            localStorage.setItem("session", JSON.stringify({ ...session, access_token: token }));
        }""",
        expired,
    )


async def test_a_refused_token_is_renewed_and_the_request_repeated(page: Page, site: Site) -> None:
    account = await sign_in(page, site)
    await refuse_token(page, site, account)
    renewals = []
    page.on("request", lambda each: renewals.append(each) if "grant_type" in each.url else None)
    await page.goto(site.address("/account"))
    await expect(page.get_by_text(account.email)).to_be_visible()
    assert len(renewals) == 1


RENEWAL = "**/auth/v1/token?grant_type=refresh_token"


async def test_without_a_new_token_a_user_signs_in_and_comes_back(page: Page, site: Site) -> None:
    account = await sign_in(page, site)
    await refuse_token(page, site, account)

    async def refuse(route: Route) -> None:
        headers = {"Access-Control-Allow-Origin": "*"}
        body = {"code": 400, "error_code": "refresh_token_not_found", "msg": "Not found"}
        await route.fulfill(status=400, json=body, headers=headers)

    await page.route(RENEWAL, refuse)
    await page.goto(site.address("/account"))
    await expect(heading(page, "Sign in")).to_be_visible()
    await page.unroute_all()
    await sign_in(page, site, account)
    await expect(heading(page, "Account")).to_be_visible()


async def test_a_session_goes_on_while_auth_cannot_be_reached(page: Page, site: Site) -> None:
    """Auth retries a renewal by itself for a while; nobody is signed out."""
    account = await sign_in(page, site)
    await refuse_token(page, site, account)
    await page.route(RENEWAL, lambda route: route.abort())
    await page.goto(site.address("/account"))
    await expect(page.get_by_role("alert")).to_contain_text("Code", timeout=60_000)
    await page.unroute_all()
    # The client of Auth waits before it tries again, except after a reload.
    await page.reload()
    await expect(page.get_by_text(account.email)).to_be_visible()


async def test_a_sign_out_reaches_the_other_tab(
    context: BrowserContext, page: Page, site: Site
) -> None:
    await sign_in(page, site)
    other = await context.new_page()
    await other.goto(site.address("/account"))
    await expect(heading(other, "Account")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await expect(heading(other, "Sign in")).to_be_visible()
    stored = await other.evaluate("JSON.stringify(localStorage)")
    assert "access_token" not in json.loads(stored).get("session", "")
