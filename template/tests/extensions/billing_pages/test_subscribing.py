"""From the prices to Stripe and back."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import Response

from app.extensions.billing.errors import StripeUnavailableError
from app.extensions.billing.service import returning
from tests.extensions.billing.books import agree
from tests.extensions.billing.shop import Shop
from tests.extensions.billing_pages.conftest import PayFor, stripe_page
from tests.support.pages import Browser, is_sign_in, notices, part
from tests.support.people import Person, SignIn

CHECKOUT = "/billing/checkout/pro_monthly"


async def test_a_visitor_subscribes_before_the_webhook_has_come(
    browser: Browser, person: Person, shop: Shop, pay_for: PayFor
) -> None:
    form = await browser.get(CHECKOUT)
    assert "30.00 EUR</strong> per month" in form.text
    thanks = await browser.follow(await pay_for(CHECKOUT))
    assert "Thank you: the payment has arrived." in notices(thanks)
    assert '<h2 id="plan">Pro</h2>' in thanks.text
    assert "Active" in thanks.text
    assert thanks.text.count('<span class="hidden"> invoice ') == 1
    # Nothing counts twice when the webhooks come.
    await shop.deliver()
    await agree(shop)
    # Who has a subscription changes it.
    again = await browser.get("/billing/checkout/basic_monthly")
    assert again.headers["location"] == "/billing/change?price=basic_monthly"


async def test_who_has_not_signed_in_is_led_back_to_the_price(
    browser: Browser, configured: None
) -> None:
    asked = await browser.get(CHECKOUT)
    assert is_sign_in(asked)
    assert parse_qs(urlsplit(asked.headers["location"]).query) == {"next": [CHECKOUT]}


async def test_the_policy_stays_and_stripe_is_left_by_a_link(
    browser: Browser, person: Person, shop: Shop
) -> None:
    await browser.get(CHECKOUT)
    answer = await browser.post(CHECKOUT)
    url = stripe_page(answer)
    assert url.startswith(shop.local.url)
    assert f'<a class="button" href="{url}"' in answer.text
    assert "form-action 'self';" in answer.headers["content-security-policy"]


async def test_a_mistake_is_shown_in_the_form(browser: Browser, person: Person, shop: Shop) -> None:
    path = "/billing/checkout/team_monthly"
    await browser.get(path)
    code = await browser.post(path, seats="2", code="nothing")
    assert (code.status_code, notices(code)) == (422, ["The code nothing is not valid."])
    assert 'value="nothing"' in code.text
    many = await browser.post(path, seats="11")
    assert (many.status_code, notices(many)) == (422, ["The plan team has 10 seats at most."])
    assert (await browser.post(path, seats="none")).status_code == 422
    assert (await browser.get("/billing/checkout/nothing")).status_code == 404


async def test_the_page_after_the_checkout_waits(
    browser: Browser, person: Person, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.get(CHECKOUT)
    stripe = stripe_page(await browser.post(CHECKOUT))
    (created,) = shop.v1.checkout.sessions.list().data
    success = created.success_url.replace("{CHECKOUT_SESSION_ID}", created.id)
    unpaid = await browser.get(success)
    assert f'href="{stripe}"' in unpaid.text  # grants nothing, and leads back to the payment
    back = (await shop.pay(stripe)).headers["location"]
    assert back == success

    async def late(*_: Any) -> None: ...

    async def no_answer(*_: Any) -> None:
        raise StripeUnavailableError

    with monkeypatch.context() as patch:
        patch.setattr(returning, "read", late)
        waiting = await browser.get(back)
        assert "Waiting for the payment" in waiting.text
        assert (
            '<noscript><meta http-equiv="refresh" content="2; url=/billing/return?' in waiting.text
        )
        look = await browser.client.get(back, headers=part())
        assert look.text.lstrip().startswith('<div role="status">')
        assert "tries=1" in look.text
        last = await browser.client.get(f"{back}&tries=30")
        assert "This takes longer than usual" in last.text
        assert "refresh" not in last.text
        patch.setattr(returning, "read", no_answer)  # which says nothing about the payment
        assert "Waiting for the payment" in (await browser.get(back)).text
    done = await browser.client.get(back, headers=part())
    assert done.headers["HX-Redirect"] == "/billing"
    assert '<h2 id="plan">Pro</h2>' in (await browser.get("/billing")).text


async def test_a_cancelled_checkout_and_that_of_somebody_else_bring_nothing(
    browser: Browser, person: Person, shop: Shop, sign_in: SignIn
) -> None:
    other = await sign_in()
    await shop.subscribe(other.headers, "pro_monthly")
    (theirs,) = shop.v1.checkout.sessions.list().data
    for session_id in (theirs.id, "cs_nothing", "", "..", "cs_a/b"):
        stolen = await browser.get("/billing/return", checkout="success", session_id=session_id)
        assert (stolen.status_code, code_of(stolen)) == (404, "checkout_not_found")
    await browser.get(CHECKOUT)
    await browser.post(CHECKOUT)
    cancelled = await browser.follow(await browser.get("/billing/return", checkout="cancelled"))
    assert notices(cancelled) == ["Nothing was paid."]
    assert '<h2 id="plan">Free</h2>' in cancelled.text
    await shop.deliver()


async def test_packs_are_bought_and_their_invoice_is_listed(
    browser: Browser, person: Person, shop: Shop, pay_for: PayFor
) -> None:
    await browser.get("/billing")
    wrong = await browser.follow(await browser.post("/billing/packs", pack="pack", quantity="0"))
    assert notices(wrong) == ["Choose between 1 and 100 packs."]
    page = await browser.follow(await pay_for("/billing/packs", pack="pack", quantity="2"))
    assert notices(page) == ["Thank you: the payment has arrived."]
    assert ", 10.00 EUR" in page.text
    portal = stripe_page(await browser.post("/billing/portal"))
    assert portal.startswith(shop.local.url)
    await shop.deliver()


def code_of(page: Response) -> str:
    """The code of an error page."""
    return page.text.partition('data-code="')[2].partition('"')[0]
