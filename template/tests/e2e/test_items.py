"""The sample: from the sign-up to the sign-out, lists, changes, errors, and a missing API.

The sample is yours. Without it, these tests are skipped.
"""

import re
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

from devstack.supabase import LocalSupabase
from tests.e2e.site import SAMPLE, Account, Site
from tests.e2e.steps import add_item, heading, sign_in

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SAMPLE.exists(), reason="The sample is gone."),
]


@pytest.fixture
async def items(page: Page, site: Site) -> Page:
    """The list of a new user."""
    await sign_in(page, site)
    await page.goto(site.address("/items"))
    await expect(page.get_by_text("There are no items yet.")).to_be_visible()
    return page


async def test_from_the_sign_up_to_the_sign_out(
    page: Page, site: Site, mails_first: LocalSupabase, device: dict[str, Any]
) -> None:
    account = Account()
    await page.goto(site.address("/"))
    await expect(heading(page, "Sign in")).to_be_visible()
    await page.get_by_role("link", name="Create an account").click()
    await expect(heading(page, "Create an account")).to_be_visible()
    await page.get_by_label("E-mail address").fill(account.email)
    await page.get_by_label("Password", exact=True).fill(account.password)
    await page.get_by_role("button", name="Create the account").click()
    await expect(page.get_by_role("status")).to_contain_text(account.email)

    await page.goto(mails_first.mailbox.mails[-1].link)
    await expect(heading(page, "Items")).to_be_visible()
    await add_item(page, "Assam")
    await page.get_by_role("button", name="Complete all").click()
    await expect(page.get_by_text("Completing all items: done.")).to_be_visible()
    await expect(page.get_by_role("checkbox", name="Done: Assam")).to_be_checked()

    await page.get_by_role("button", name="Sign out").click()
    await expect(heading(page, "Sign in")).to_be_visible()
    await sign_in(page, site, account)
    await expect(page.get_by_role("link", name="Assam")).to_be_visible()


async def test_an_item_is_added_found_changed_and_deleted(items: Page) -> None:
    for title in ("Assam", "Sencha"):
        await add_item(items, title)
    await expect(items.get_by_label("New item")).to_have_value("")

    await items.get_by_label("Search").fill("senc")
    await items.get_by_role("button", name="Search").click()
    await expect(items.get_by_role("link", name="Assam")).to_have_count(0)
    await items.get_by_role("link", name="Sencha").click()
    await expect(heading(items, "Change an item")).to_be_visible()
    await items.get_by_label("Title").fill("Gyokuro")
    await items.get_by_label("Done").check()
    await items.get_by_role("button", name="Save").click()
    await expect(items.get_by_role("checkbox", name="Done: Gyokuro")).to_be_checked()

    await items.get_by_role("button", name="Delete Gyokuro").click()
    await items.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(items.get_by_role("link", name="Gyokuro")).to_have_count(0)
    await items.reload()
    await expect(items.get_by_role("link", name="Assam")).to_be_visible()
    await expect(items.get_by_role("link", name="Gyokuro")).to_have_count(0)


async def test_a_check_is_kept_and_filters(items: Page) -> None:
    await add_item(items, "Assam")
    await add_item(items, "Sencha")
    async with items.expect_response(lambda each: each.request.method == "PATCH"):
        await items.get_by_role("checkbox", name="Done: Assam").check()
    await items.get_by_label("Show").select_option("Open")
    await expect(items).to_have_url(re.compile("done=false"))
    await expect(items.get_by_role("link", name="Assam")).to_have_count(0)
    await expect(items.get_by_role("link", name="Sencha")).to_be_visible()


async def test_pages_of_a_long_list(items: Page) -> None:
    for number in range(21):
        await add_item(items, f"Tea {number}")
    await expect(items.get_by_text("Page 1 of 2")).to_be_visible()
    await items.get_by_role("link", name="Next").click()
    await expect(items.get_by_role("link", name="Tea 0", exact=True)).to_be_visible()
    await items.go_back()
    await expect(items.get_by_role("link", name="Tea 20", exact=True)).to_be_visible()


async def test_what_the_api_refuses_stands_beside_the_field(items: Page) -> None:
    await items.get_by_label("New item").evaluate("field => field.removeAttribute('maxlength')")
    await items.get_by_label("New item").fill("x" * 201)
    await items.get_by_role("button", name="Add").click()
    field = items.get_by_label("New item")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_accessible_description(re.compile("200"))


async def test_an_error_shows_its_code_and_the_id_of_the_request(items: Page, site: Site) -> None:
    async with items.expect_response(lambda each: each.status == 404) as answer:
        await items.goto(site.address(f"/items/{uuid4()}"))
    request_id = (await (await answer.value).json())["request_id"]
    alert = items.get_by_role("alert")
    await expect(alert).to_contain_text("item_not_found")
    await expect(alert).to_contain_text(request_id)


async def test_without_the_api_a_page_says_so_and_tries_again(items: Page) -> None:
    await items.route("**/api/**", lambda route: route.abort())
    await items.get_by_role("link", name="Account").click()
    await expect(items.get_by_role("alert")).to_contain_text("unreachable")
    await items.unroute_all()
    await items.get_by_role("button", name="Try again").click()
    await expect(heading(items, "Account")).to_be_visible()


async def test_an_unknown_page(items: Page, site: Site) -> None:
    await items.goto(site.address("/no/such/page"))
    await expect(heading(items, "Not found")).to_be_visible()
    await expect(items.get_by_role("alert")).to_contain_text("page_not_found")
