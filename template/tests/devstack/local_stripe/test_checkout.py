"""Checkout: a person pays, refuses, or takes too long."""

from urllib.parse import parse_qs, urlsplit

import pytest
import stripe

from tests.devstack.local_stripe.world import DAY, START, World


def test_a_paid_session_makes_a_subscription(world: World) -> None:
    customer, price = world.customer(card=None), world.price(900)
    session = world.checkout(
        "subscription",
        price,
        customer=customer.id,
        client_reference_id="user-1",
        subscription_data={"metadata": {"plan": "pro"}},
        metadata={"from": "pricing"},
    )
    assert (session.status, session.payment_status) == ("open", "unpaid")
    page = world.browser.get(session.url)
    assert "9.00 USD" in page.text
    answer = world.press(session.url, do="pay", card="visa")
    assert answer.status_code == 303
    target = urlsplit(answer.headers["location"])
    assert parse_qs(target.query) == {"session": [session.id]}
    done = world.api.checkout.sessions.retrieve(
        session.id, {"expand": ["line_items", "subscription.latest_invoice"]}
    )
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert done.client_reference_id == "user-1"
    assert done.line_items.data[0].price.id == price.id
    subscription = done.subscription
    assert (subscription.status, subscription.metadata.plan) == ("active", "pro")
    assert subscription.latest_invoice.amount_paid == 900
    assert subscription.default_payment_method
    assert world.events()[-1] == "checkout.session.completed"


def test_to_go_back_leaves_the_session_open(world: World) -> None:
    session = world.checkout("subscription", world.price())
    answer = world.press(session.url, do="refuse")
    assert answer.headers["location"] == "http://app.test/back"
    assert world.api.checkout.sessions.retrieve(session.id).status == "open"
    assert not world.api.subscriptions.list().data


@pytest.mark.parametrize("card", ["visa_chargeDeclined", "chargeCustomerFail"])
def test_a_declined_card_can_be_replaced(world: World, card: str) -> None:
    customer = world.customer(card=None)
    session = world.checkout("subscription", world.price(), customer=customer.id)
    refused = world.press(session.url, do="pay", card=card)
    assert refused.status_code == 402
    assert 'role="alert"' in refused.text
    assert world.events("payment_intent.payment_failed")
    assert not world.api.subscriptions.list({"status": "all"}).data
    assert world.press(session.url, do="pay", card="visa").status_code == 303
    assert len(world.api.subscriptions.list().data) == 1


def test_a_session_is_paid_once(world: World) -> None:
    session = world.checkout("subscription", world.price())
    world.press(session.url, do="pay", card="visa", email="b@example.com")
    again = world.press(session.url, do="pay", card="visa", email="b@example.com")
    assert again.status_code == 410
    assert len(world.api.subscriptions.list().data) == 1
    customers = world.api.customers.list().data
    assert [each.email for each in customers] == ["b@example.com"]


def test_one_purchase_with_an_invoice(world: World) -> None:
    customer, price = world.customer(card=None), world.price(2000, None)
    coupon = world.api.coupons.create({"amount_off": 500, "currency": "usd"})
    session = world.checkout(
        "payment",
        price,
        customer=customer.id,
        discounts=[{"coupon": coupon.id}],
        invoice_creation={"enabled": True, "invoice_data": {"metadata": {"pack": "small"}}},
    )
    assert (session.amount_subtotal, session.amount_total) == (2000, 1500)
    world.press(session.url, do="pay", card="visa")
    done = world.api.checkout.sessions.retrieve(session.id, {"expand": ["invoice"]})
    assert (done.invoice.status, done.invoice.amount_paid) == ("paid", 1500)
    assert done.invoice.metadata.pack == "small"
    assert done.invoice.parent is None
    line = done.invoice.lines.data[0]
    assert (line.amount, line.pricing.price_details.price) == (2000, price.id)
    intent = world.api.payment_intents.retrieve(done.payment_intent)
    assert (intent.status, intent.amount_received) == ("succeeded", 1500)


def test_the_balance_of_a_customer_pays_no_purchase(world: World) -> None:
    customer, price = world.customer(card=None), world.price(2000, None)
    world.api.customers.update(customer.id, {"balance": -5000})
    session = world.checkout(
        "payment", price, customer=customer.id, invoice_creation={"enabled": True}
    )
    assert world.press(session.url, do="pay", card="visa").status_code == 303
    done = world.api.checkout.sessions.retrieve(session.id, {"expand": ["invoice"]})
    assert (done.invoice.amount_paid, done.invoice.ending_balance) == (2000, 0)
    assert world.api.customers.retrieve(customer.id).balance == -5000


def test_one_purchase_without_an_invoice(world: World) -> None:
    session = world.checkout(
        "payment", world.price(700, None), payment_intent_data={"metadata": {"order": "7"}}
    )
    world.press(session.url, do="pay", card="visa")
    done = world.api.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (done.invoice, done.customer) == (None, None)
    assert done.payment_intent.metadata.order == "7"


def test_a_trial_needs_no_payment_now(world: World) -> None:
    world.freeze()
    customer = world.customer(card=None)
    session = world.checkout(
        "subscription",
        world.price(),
        customer=customer.id,
        subscription_data={"trial_period_days": 14},
        payment_method_collection="if_required",
    )
    assert session.amount_total == 0
    world.press(session.url, do="pay")
    done = world.api.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert done.payment_status == "no_payment_required"
    assert (done.subscription.status, done.subscription.trial_end) == ("trialing", START + 14 * DAY)


def test_quantity_and_promotion_code_are_chosen_on_the_page(world: World) -> None:
    coupon = world.api.coupons.create({"percent_off": 10, "duration": "once"})
    world.api.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "TEN"}
    )
    price = world.price(1000)
    session = world.checkout(
        "subscription",
        price,
        allow_promotion_codes=True,
        line_items=[{"price": price.id, "quantity": 1, "adjustable_quantity": {"enabled": True}}],
    )
    item = world.api.checkout.sessions.line_items.list(session.id).data[0].id
    assert world.press(session.url, do="code", code="NONE").status_code == 400
    assert world.press(session.url, do="code", code="ten").status_code == 200
    world.press(session.url, do="pay", card="visa", **{f"quantity_{item}": "3"})
    subscription = world.api.subscriptions.list({"expand": ["data.latest_invoice"]}).data[0]
    assert subscription["items"].data[0].quantity == 3
    assert subscription.latest_invoice.amount_paid == 2700


def test_a_saved_card_is_offered_to_its_owner_only(world: World) -> None:
    owner, other = world.customer(), world.customer(card=None)
    method = owner.invoice_settings.default_payment_method
    price = world.price()
    session = world.checkout("subscription", price, customer=other.id)
    assert world.press(session.url, do="pay", card=f"saved:{method}").status_code == 400
    anonymous = world.checkout("payment", world.price(500, None))
    assert world.press(anonymous.url, do="pay", card=f"saved:{method}").status_code == 400
    session = world.checkout("subscription", price, customer=owner.id)
    assert f"saved:{method}" in world.browser.get(session.url).text
    assert world.press(session.url, do="pay", card=f"saved:{method}").status_code == 303


def test_a_session_expires(world: World) -> None:
    world.freeze()
    customer, price = world.customer(), world.price()
    late = world.checkout("subscription", price, customer=customer.id)
    ended = world.checkout("subscription", price, customer=customer.id)
    assert world.api.checkout.sessions.expire(ended.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError):
        world.api.checkout.sessions.expire(ended.id)
    world.advance(late.expires_at)
    assert world.api.checkout.sessions.retrieve(late.id).status == "expired"
    assert world.events("checkout") == ["checkout.session.expired"] * 2
    assert world.press(late.url, do="pay", card="visa").status_code == 410


def test_taxes_follow_the_address_and_the_tax_id(world: World) -> None:
    price = world.price(1000)
    options = {"automatic_tax": {"enabled": True}, "tax_id_collection": {"enabled": True}}
    german = world.customer(card=None, address={"country": "DE"})
    session = world.checkout("subscription", price, customer=german.id, **options)
    assert (session.amount_total, session.total_details.amount_tax) == (1190, 190)
    world.press(session.url, do="pay", card="visa")
    invoice = world.api.invoices.list({"customer": german.id}).data[0]
    assert (invoice.total, invoice.total_excluding_tax) == (1190, 1000)
    assert invoice.total_taxes[0].taxability_reason == "standard_rated"
    firm = world.customer(card=None, address={"country": "DE"})
    world.api.customers.tax_ids.create(firm.id, {"type": "eu_vat", "value": "DE123456789"})
    assert world.checkout("subscription", price, customer=firm.id, **options).amount_total == 1000


def test_country_and_tax_id_are_asked_for_on_the_page(world: World) -> None:
    customer = world.customer(card=None)
    options = {"automatic_tax": {"enabled": True}, "tax_id_collection": {"enabled": True}}
    price = world.price(1000)
    session = world.checkout("subscription", price, customer=customer.id, **options)
    assert session.automatic_tax.status == "requires_location_inputs"
    world.press(session.url, do="pay", card="visa", country="FR")
    done = world.api.checkout.sessions.retrieve(session.id)
    assert (done.amount_total, done.customer_details.address.country) == (1200, "FR")
    assert world.api.invoices.retrieve(done.invoice).amount_paid == 1200
    session = world.checkout("subscription", price, customer=customer.id, **options)
    world.press(session.url, do="pay", card="visa", country="FR", tax_id="FR12345678901")
    done = world.api.checkout.sessions.retrieve(session.id)
    assert (done.amount_total, done.customer_details.tax_ids[0].type) == (1000, "eu_vat")


@pytest.mark.parametrize(("mode", "interval"), [("payment", "month"), ("subscription", None)])
def test_the_mode_must_fit_the_price(world: World, mode: str, interval: str | None) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.checkout(mode, world.price(100, interval))
    assert caught.value.param == "mode"
