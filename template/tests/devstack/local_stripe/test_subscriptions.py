"""Subscriptions: start, change with proration, end."""

from typing import Any

import pytest
import stripe

from tests.devstack.local_stripe.world import DAY, START, World

HALF = START + 31 * DAY // 2


def item_of(subscription: Any) -> Any:
    return subscription["items"].data[0]


def lines_of(invoice: Any) -> list[tuple[int, bool]]:
    return [
        (line.amount, line.parent.subscription_item_details.proration)
        for line in invoice.lines.data
    ]


@pytest.fixture
def world(world: World) -> World:
    """With a test clock."""
    world.freeze()
    return world


def test_the_period_is_on_the_item(world: World) -> None:
    subscription = world.subscribe(world.customer(), world.price())
    item = item_of(subscription)
    assert (item.current_period_start, item.current_period_end) == (START, START + 31 * DAY)
    assert "current_period_end" not in subscription
    invoice = subscription.latest_invoice
    assert (invoice.status, invoice.billing_reason) == ("paid", "subscription_create")
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert lines_of(invoice) == [(1000, False)]


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("allow_incomplete", "incomplete"), ("default_incomplete", "incomplete")],
)
def test_an_unpaid_start_is_incomplete(world: World, behavior: str, status: str) -> None:
    customer = world.customer("chargeCustomerFail")
    subscription = world.subscribe(customer, world.price(), payment_behavior=behavior)
    assert subscription.status == status
    paid = world.api.invoices.pay(
        subscription.latest_invoice.id, {"payment_method": "pm_card_visa"}
    )
    assert paid.status == "paid"
    assert world.api.subscriptions.retrieve(subscription.id).status == "active"


def test_a_start_that_must_be_paid_leaves_nothing(world: World) -> None:
    customer = world.customer("chargeCustomerFail")
    with pytest.raises(stripe.CardError):
        world.subscribe(customer, world.price(), payment_behavior="error_if_incomplete")
    assert not world.api.subscriptions.list({"status": "all"}).data
    assert not world.api.invoices.list().data


def test_an_incomplete_start_expires(world: World) -> None:
    customer = world.customer("chargeCustomerFail")
    subscription = world.subscribe(customer, world.price())
    world.advance(START + DAY)
    expired = world.api.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert (expired.status, expired.latest_invoice.status) == ("incomplete_expired", "void")


def test_an_upgrade_in_the_middle_of_the_month_costs_half_of_the_difference(world: World) -> None:
    subscription = world.subscribe(world.customer(), world.price(1000))
    world.advance(HALF)
    change = {
        "items": [{"id": item_of(subscription).id, "price": world.price(3000).id}],
        "proration_behavior": "always_invoice",
    }
    preview = world.api.invoices.create_preview(
        {"subscription": subscription.id, "subscription_details": change}
    )
    assert lines_of(preview) == [(-500, True), (1500, True)]
    # A preview changes nothing.
    now = world.api.subscriptions.retrieve(subscription.id)
    assert item_of(now).price.unit_amount == 1000
    assert not world.api.invoice_items.list().data
    changed = world.api.subscriptions.update(
        subscription.id, {**change, "expand": ["latest_invoice"]}
    )
    invoice = changed.latest_invoice
    assert (invoice.amount_paid, invoice.billing_reason) == (1000, "subscription_update")
    assert (invoice.amount_paid, lines_of(invoice)) == (preview.amount_due, lines_of(preview))
    credited = invoice.lines.data[0].parent.subscription_item_details.proration_details
    assert credited.credited_items.invoice == subscription.latest_invoice.id
    assert item_of(changed).current_period_end == item_of(subscription).current_period_end


def test_a_downgrade_is_credited_on_the_next_invoice(world: World) -> None:
    subscription = world.subscribe(world.customer(), world.price(3000))
    world.advance(HALF)
    change = {"items": [{"id": item_of(subscription).id, "price": world.price(1000).id}]}
    preview = world.api.invoices.create_preview(
        {"subscription": subscription.id, "subscription_details": change}
    )
    assert preview.billing_reason == "upcoming"
    world.api.subscriptions.update(subscription.id, change)
    world.advance(START + 31 * DAY + 3600)
    latest = world.api.invoices.list({"subscription": subscription.id}).data[0]
    assert lines_of(latest) == [(-1500, True), (500, True), (1000, False)]
    assert (latest.total, latest.amount_due, latest.status) == (0, 0, "paid")
    assert latest.total == preview.total


def test_what_is_credited_too_much_stays_on_the_balance(world: World) -> None:
    customer = world.customer()
    subscription = world.subscribe(customer, world.price(9000))
    world.advance(HALF)
    change = {
        "items": [{"id": item_of(subscription).id, "price": world.price(1000).id}],
        "proration_behavior": "always_invoice",
    }
    world.api.subscriptions.update(subscription.id, change)
    assert world.api.customers.retrieve(customer.id).balance == -4000
    world.advance(START + 31 * DAY + 3600)
    latest = world.api.invoices.list({"customer": customer.id}).data[0]
    assert (latest.total, latest.amount_due, latest.ending_balance) == (1000, 0, -3000)


def test_proration_for_a_customer_with_other_invoices(world: World) -> None:
    customer = world.customer()
    subscription = world.subscribe(customer, world.price(1000))
    pack = world.checkout(
        "payment",
        world.price(500, None),
        customer=customer.id,
        invoice_creation={"enabled": True},
    )
    world.press(pack.url, do="pay", card="visa")
    item = {"id": item_of(subscription).id, "quantity": 2}
    world.api.subscriptions.update(subscription.id, {"items": [item]})
    waiting = world.api.invoice_items.list({"customer": customer.id}).data
    assert sorted(each.amount for each in waiting) == [-1000, 2000]


def test_seats_are_paid_for_the_rest_of_the_month(world: World) -> None:
    subscription = world.subscribe(world.customer(), world.price(1000))
    world.advance(START + 31 * DAY // 4)
    item = world.api.subscription_items.update(
        item_of(subscription).id, {"quantity": 5, "proration_behavior": "always_invoice"}
    )
    assert item.quantity == 5
    latest = world.api.invoices.list({"subscription": subscription.id}).data[0]
    assert latest.amount_paid == 4 * 750


def test_no_proration(world: World) -> None:
    subscription = world.subscribe(world.customer(), world.price(1000))
    world.advance(HALF)
    item = {"id": item_of(subscription).id, "quantity": 2}
    world.api.subscriptions.update(subscription.id, {"items": [item], "proration_behavior": "none"})
    assert not world.api.invoice_items.list().data


def test_another_interval_begins_a_new_period_now(world: World) -> None:
    subscription = world.subscribe(world.customer(), world.price(1000))
    world.advance(HALF)
    change = [{"id": item_of(subscription).id, "price": world.price(10000, "year").id}]
    changed = world.api.subscriptions.update(
        subscription.id, {"items": change, "expand": ["latest_invoice"]}
    )
    assert changed.latest_invoice.amount_paid == 9500
    item = item_of(changed)
    assert (item.current_period_start, item.current_period_end) == (HALF, HALF + 365 * DAY)
    # Nothing happens at the former end.
    world.advance(START + 62 * DAY)
    assert len(world.api.invoices.list({"subscription": subscription.id}).data) == 2


def test_an_upgrade_that_must_be_paid_changes_nothing_if_it_is_not(world: World) -> None:
    customer = world.customer()
    subscription = world.subscribe(customer, world.price(1000))
    method = world.api.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": customer.id}
    )
    settings = {"default_payment_method": method.id}
    world.api.customers.update(customer.id, {"invoice_settings": settings})
    world.advance(HALF)
    change = {
        "items": [{"id": item_of(subscription).id, "quantity": 2}],
        "proration_behavior": "always_invoice",
    }
    with pytest.raises(stripe.CardError):
        world.api.subscriptions.update(
            subscription.id, {**change, "payment_behavior": "error_if_incomplete"}
        )
    found = world.api.subscriptions.retrieve(subscription.id)
    assert (found.status, item_of(found).quantity) == ("active", 1)
    assert world.api.subscriptions.update(subscription.id, change).status == "past_due"


def test_items_come_and_go(world: World) -> None:
    first, second = world.price(1000), world.price(500)
    subscription = world.subscribe(world.customer(), first)
    added = world.api.subscription_items.create(
        {"subscription": subscription.id, "price": second.id, "quantity": 2}
    )
    listed = world.api.subscription_items.list({"subscription": subscription.id}).data
    assert [each.price.id for each in listed] == [first.id, second.id]
    world.api.subscription_items.delete(added.id)
    assert len(world.api.subscription_items.list({"subscription": subscription.id}).data) == 1
    with pytest.raises(stripe.InvalidRequestError):
        world.api.subscription_items.delete(item_of(subscription).id)


def test_a_cancellation_at_the_end_of_the_period_can_be_taken_back(world: World) -> None:
    subscription = world.subscribe(world.customer(), world.price())
    end = item_of(subscription).current_period_end
    for ends in (True, False, True):
        changed = world.api.subscriptions.update(subscription.id, {"cancel_at_period_end": ends})
        assert changed.cancel_at == (end if ends else None)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.invoices.create_preview({"subscription": subscription.id})
    assert caught.value.code == "invoice_upcoming_none"
    world.advance(end)
    found = world.api.subscriptions.retrieve(subscription.id)
    assert (found.status, found.ended_at) == ("canceled", end)
    assert len(world.api.invoices.list().data) == 1


def test_a_cancellation_now_gives_back_what_is_unused(world: World) -> None:
    customer = world.customer()
    subscription = world.subscribe(customer, world.price(1000))
    world.advance(HALF)
    ended = world.api.subscriptions.cancel(
        subscription.id,
        {
            "prorate": True,
            "invoice_now": True,
            "cancellation_details": {"feedback": "too_expensive"},
        },
    )
    assert (ended.status, ended.cancellation_details.feedback) == ("canceled", "too_expensive")
    assert world.api.customers.retrieve(customer.id).balance == -500
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.subscriptions.cancel(subscription.id)
    assert caught.value.code == "resource_missing"
    assert not world.api.subscriptions.list({"customer": customer.id}).data
    assert len(world.api.subscriptions.list({"status": "ended"}).data) == 1


def test_a_deleted_customer_has_no_subscription(world: World) -> None:
    customer = world.customer()
    world.subscribe(customer, world.price())
    assert world.api.customers.delete(customer.id).deleted
    assert world.api.customers.retrieve(customer.id).deleted
    assert world.events("customer.")[-2:] == ["customer.subscription.deleted", "customer.deleted"]


def test_one_currency_for_each_customer(world: World) -> None:
    customer = world.customer()
    world.subscribe(customer, world.price())
    euros = world.price(1000, currency="eur")
    with pytest.raises(stripe.InvalidRequestError):
        world.subscribe(customer, euros)
