"""The billing portal in a browser."""

from typing import Any

import pytest

from tests.devstack.local_stripe.world import World


@pytest.fixture
def subscription(world: World) -> Any:
    return world.subscribe(world.customer(), world.price(1000))


def open_portal(world: World, subscription: Any, **more: Any) -> Any:
    return world.api.billing_portal.sessions.create(
        {"customer": subscription.customer, "return_url": "http://app.test/account", **more}
    )


def test_plan_and_quantity_are_changed(world: World, subscription: Any) -> None:
    dear = world.price(3000)
    portal = open_portal(world, subscription)
    page = world.browser.get(portal.url)
    assert "30.00 USD / month" in page.text
    assert "http://app.test/account" in page.text
    form = {"subscription": subscription.id, "price": dear.id, "quantity": "2"}
    assert world.press(portal.url, do="plan", **form).status_code == 303
    item = world.api.subscriptions.retrieve(subscription.id)["items"].data[0]
    assert (item.price.id, item.quantity) == (dear.id, 2)


def test_a_cancellation_can_be_taken_back(world: World, subscription: Any) -> None:
    portal = open_portal(world, subscription)
    for word, ends in (("cancel", True), ("keep", False)):
        world.press(portal.url, do=word, subscription=subscription.id)
        found = world.api.subscriptions.retrieve(subscription.id)
        assert (found.cancel_at_period_end, found.cancel_at is not None) == (ends, ends)


def test_a_new_card_is_used_from_now_on(world: World, subscription: Any) -> None:
    portal = open_portal(world, subscription)
    assert world.press(portal.url, do="card", card="visa_chargeDeclined").status_code == 402
    assert world.press(portal.url, do="card", card="mastercard").status_code == 303
    customer = world.api.customers.retrieve(
        subscription.customer, {"expand": ["invoice_settings.default_payment_method"]}
    )
    assert customer.invoice_settings.default_payment_method.card.brand == "mastercard"
    assert "mastercard that ends in 4444" in world.browser.get(portal.url).text


def test_a_flow_shows_one_thing_and_leads_back(world: World, subscription: Any) -> None:
    flow = {
        "type": "subscription_cancel",
        "subscription_cancel": {"subscription": subscription.id},
        "after_completion": {"type": "redirect", "redirect": {"return_url": "http://app.test/bye"}},
    }
    portal = open_portal(world, subscription, flow_data=flow)
    page = world.browser.get(portal.url).text
    assert "Cancel subscription" in page
    assert "Change plan" not in page
    answer = world.press(portal.url, do="cancel", subscription=subscription.id)
    assert answer.headers["location"] == "http://app.test/bye"


def test_a_configuration_says_what_is_offered(world: World, subscription: Any) -> None:
    offered, other = world.price(2000), world.price(3000)
    update = {"enabled": True, "products": [{"product": offered.product, "prices": [offered.id]}]}
    configuration = world.api.billing_portal.configurations.create(
        {"features": {"subscription_update": update, "subscription_cancel": {"enabled": False}}}
    )
    portal = open_portal(world, subscription, configuration=configuration.id)
    page = world.browser.get(portal.url).text
    assert "20.00 USD" in page
    assert "30.00 USD" not in page
    assert "Cancel subscription" not in page
    form = {"subscription": subscription.id, "price": other.id}
    assert world.press(portal.url, do="plan", **form).status_code == 400


def test_a_portal_is_for_one_customer(world: World, subscription: Any) -> None:
    other = world.subscribe(world.customer(), world.price(1000))
    portal = open_portal(world, other)
    answer = world.press(portal.url, do="cancel", subscription=subscription.id)
    assert answer.status_code == 400
    assert world.browser.get("/portal/guess").status_code == 404


def test_the_overview_shows_the_account(world: World, subscription: Any) -> None:
    page = world.browser.get("/")
    for shown in (subscription.id, subscription.latest_invoice.id, "invoice.paid"):
        assert shown in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert world.browser.get("/_local/overview.js").status_code == 200
    pressed = world.browser.post(
        "/_local/advance", json={"seconds": 60}, headers={"x-local-stripe": "1"}
    )
    assert pressed.status_code == 200
