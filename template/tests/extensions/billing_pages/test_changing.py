"""Another plan, seats, and the end of a subscription."""

import pytest

from tests.extensions.billing.shop import Shop
from tests.support.pages import Browser, notices
from tests.support.people import Person


@pytest.fixture
async def subscriber(browser: Browser, person: Person, shop: Shop) -> Person:
    """Signed in, with a subscription."""
    await shop.subscribe(person.headers, "team_monthly", seats=2)
    await shop.deliver()
    return person


async def test_a_change_shows_what_it_costs_before(
    browser: Browser, subscriber: Person, shop: Shop
) -> None:
    form = await browser.get("/billing/change")
    assert '<option value="team_monthly" selected>' in form.text
    assert "What it costs now" not in form.text
    same = await browser.get("/billing/change", price="team_monthly", seats="2")
    assert "This is what you have." in same.text
    shown = await browser.get("/billing/change", price="team_monthly", seats="4")
    assert '<th scope="row">To pay now</th><td>30.00 EUR</td>' in shown.text
    assert (await shop.plan(subscriber.headers))["seats"] == 2
    changed = await browser.post("/billing/change", price="team_monthly", seats="4")
    page = await browser.follow(changed)
    assert notices(page) == ["The subscription is changed."]
    assert "1 of 4 taken" in page.text
    # A plan that is not paid by the seat has one.
    cheaper = await browser.get("/billing/change", price="basic_monthly", seats="4")
    assert "credited to later invoices" in cheaper.text
    await browser.follow(await browser.post("/billing/change", price="basic_monthly", seats="4"))
    plan = await shop.plan(subscriber.headers)
    assert (plan["price"], plan["seats"]) == ("basic_monthly", 1)
    await shop.deliver()


async def test_a_change_during_a_trial_costs_nothing(
    browser: Browser, person: Person, shop: Shop
) -> None:
    await shop.subscribe(person.headers, "trial_monthly")
    await shop.deliver()
    shown = await browser.get("/billing/change", price="pro_monthly", seats="1")
    assert "Nothing is to pay now." in shown.text
    await browser.follow(await browser.post("/billing/change", price="pro_monthly", seats="1"))
    assert (await shop.plan(person.headers))["plan"] == "pro"
    await shop.deliver()


async def test_a_refused_change_is_shown_and_changes_nothing(
    browser: Browser, subscriber: Person, shop: Shop
) -> None:
    many = await browser.get("/billing/change", price="team_monthly", seats="11")
    assert (many.status_code, notices(many)) == (422, ["The plan team has 10 seats at most."])
    unknown = await browser.post("/billing/change", price="nothing", seats="1")
    assert (unknown.status_code, notices(unknown)) == (422, ["There is no price nothing."])
    (known,) = shop.v1.subscriptions.list().data
    methods = shop.v1.payment_methods
    card = methods.attach("pm_card_chargeCustomerFail", {"customer": known.customer})
    shop.v1.subscriptions.update(known.id, {"default_payment_method": card.id})
    declined = await browser.post("/billing/change", price="team_monthly", seats="4")
    assert declined.status_code == 402
    assert 'role="alert"' in declined.text
    assert (await shop.plan(subscriber.headers))["price"] == "team_monthly"
    await shop.deliver()


async def test_a_subscription_is_cancelled_and_goes_on(
    browser: Browser, subscriber: Person, shop: Shop
) -> None:
    await browser.get("/billing")
    token, browser.token = browser.token, ""
    assert (await browser.post("/billing/cancel")).status_code == 403
    browser.token = token
    cancelled = await browser.follow(await browser.post("/billing/cancel"))
    assert "Active, cancelled" in cancelled.text
    assert "<dt>Ends</dt>" in cancelled.text
    assert (await shop.plan(subscriber.headers))["cancel_at_period_end"]
    resumed = await browser.follow(await browser.post("/billing/resume"))
    assert notices(resumed) == ["The subscription goes on."]
    assert "<dt>Renews</dt>" in resumed.text
    await shop.deliver()


async def test_a_failed_payment_is_said(browser: Browser, subscriber: Person, shop: Shop) -> None:
    (known,) = shop.v1.subscriptions.list().data
    card = shop.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": known.customer}
    )
    shop.v1.subscriptions.update(known.id, {"default_payment_method": card.id})
    shop.control("advance", seconds=32 * 86400)
    await shop.deliver()
    page = await browser.get("/billing")
    assert "Payment failed" in page.text
    assert len(notices(page)) == 1
