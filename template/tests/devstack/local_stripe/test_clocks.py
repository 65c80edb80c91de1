"""Time: renewals, ends of trials, failed payments with retries, for months in a moment."""

import time
from typing import Any

import pytest
import stripe

from tests.devstack.local_stripe.world import DAY, START, World

HOUR = 3600
# 1 March 2027
FOURTEEN_MONTHS = 1803859200
# Far above what it takes, for slow machines.
SECONDS = 60.0


@pytest.fixture
def world(world: World) -> World:
    """With a test clock."""
    world.freeze()
    return world


def status_of(world: World, subscription: Any) -> str:
    return str(world.api.subscriptions.retrieve(subscription.id).status)


def set_card(world: World, customer: Any, card: str) -> None:
    method = world.api.payment_methods.attach(f"pm_card_{card}", {"customer": customer.id})
    settings = {"default_payment_method": method.id}
    world.api.customers.update(customer.id, {"invoice_settings": settings})


def test_a_renewal_is_a_draft_for_an_hour(world: World) -> None:
    subscription = world.subscribe(world.customer(), world.price(1000))
    end = subscription["items"].data[0].current_period_end
    world.advance(end)
    draft = world.api.invoices.list({"subscription": subscription.id}).data[0]
    assert (draft.status, draft.billing_reason) == ("draft", "subscription_cycle")
    assert draft.automatically_finalizes_at == end + HOUR
    renewed = world.api.subscriptions.retrieve(subscription.id)
    assert renewed["items"].data[0].current_period_start == end
    assert renewed.latest_invoice == draft.id
    world.advance(end + HOUR)
    paid = world.api.invoices.retrieve(draft.id)
    assert (paid.status, paid.amount_paid, paid.created) == ("paid", 1000, end)


def test_fourteen_months_for_a_hundred_subscriptions(world: World) -> None:
    price = world.price(1000)
    customers = [world.customer() for _ in range(100)]
    subscriptions = [world.subscribe(each, price) for each in customers]
    started = time.monotonic()
    world.advance(FOURTEEN_MONTHS + HOUR)
    assert time.monotonic() - started < SECONDS
    found = [*world.api.invoices.list({"limit": 100}).auto_paging_iter()]
    assert len(found) == 15 * 100
    assert {each.status for each in found} == {"paid"}
    assert sum(each.amount_paid for each in found) == 15 * 100 * 1000
    assert {status_of(world, each) for each in subscriptions[:3]} == {"active"}


def test_the_last_day_of_the_month_comes_back(world: World) -> None:
    world.advance(START + 30 * DAY)
    subscription = world.subscribe(world.customer(), world.price())
    assert time.gmtime(subscription.created)[:3] == (2026, 1, 31)
    world.advance(START + 120 * DAY)
    periods = [
        time.gmtime(each.lines.data[0].period.end)[1:3]
        for each in world.api.invoices.list({"subscription": subscription.id}).data
    ]
    assert periods[::-1] == [(2, 28), (3, 31), (4, 30), (5, 31)]


def test_the_end_of_a_trial_is_announced_and_then_paid(world: World) -> None:
    subscription = world.subscribe(world.customer(), world.price(1000), trial_period_days=14)
    assert subscription.latest_invoice.amount_paid == 0
    world.advance(START + 11 * DAY - 1)
    announcement = "customer.subscription.trial_will_end"
    assert not world.events(announcement)
    world.advance(START + 11 * DAY)
    assert world.events(announcement) == [announcement]
    world.advance(START + 14 * DAY + HOUR)
    assert status_of(world, subscription) == "active"
    latest = world.api.invoices.list({"subscription": subscription.id}).data[0]
    assert latest.amount_paid == 1000


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")],
)
def test_a_trial_without_a_card_ends_as_its_settings_say(
    world: World, behavior: str, status: str
) -> None:
    settings = {"end_behavior": {"missing_payment_method": behavior}}
    subscription = world.subscribe(
        world.customer(card=None), world.price(), trial_period_days=7, trial_settings=settings
    )
    world.advance(START + 7 * DAY + HOUR)
    assert status_of(world, subscription) == status


def test_a_trial_can_end_now(world: World) -> None:
    subscription = world.subscribe(world.customer(), world.price(1000), trial_period_days=14)
    world.advance(START + DAY)
    ended = world.api.subscriptions.update(
        subscription.id, {"trial_end": "now", "expand": ["latest_invoice"]}
    )
    assert (ended.status, ended.latest_invoice.amount_paid) == ("active", 1000)
    assert ended["items"].data[0].current_period_start == START + DAY


@pytest.mark.parametrize(
    ("setting", "status"), [("cancel", "canceled"), ("unpaid", "unpaid"), ("past_due", "past_due")]
)
def test_a_failed_payment_is_retried_and_then_given_up(
    world: World, setting: str, status: str
) -> None:
    world.control("POST", "settings", {"after_last_attempt": setting})
    customer = world.customer()
    subscription = world.subscribe(customer, world.price())
    set_card(world, customer, "chargeCustomerFail")
    due = subscription["items"].data[0].current_period_end + HOUR
    world.advance(due)
    invoice = world.api.invoices.list({"customer": customer.id}).data[0]
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    assert invoice.next_payment_attempt == due + 3 * DAY
    assert status_of(world, subscription) == "past_due"
    world.advance(due + 16 * DAY)
    invoice = world.api.invoices.retrieve(invoice.id)
    assert (invoice.attempt_count, invoice.next_payment_attempt) == (4, None)
    assert status_of(world, subscription) == status
    assert len(world.events("invoice.payment_failed")) == 4


def test_a_retry_with_a_better_card_makes_it_active_again(world: World) -> None:
    customer = world.customer()
    subscription = world.subscribe(customer, world.price())
    set_card(world, customer, "chargeCustomerFail")
    due = subscription["items"].data[0].current_period_end + HOUR
    world.advance(due)
    set_card(world, customer, "visa")
    world.advance(due + 3 * DAY)
    assert status_of(world, subscription) == "active"
    assert {each.status for each in world.api.invoices.list().data} == {"paid"}


def test_authentication_is_missing_at_a_renewal(world: World) -> None:
    session = world.checkout("subscription", world.price(), customer=world.customer(None).id)
    world.press(session.url, do="pay", card="authenticationRequired")
    world.advance(START + 31 * DAY + HOUR)
    failed = world.api.events.list({"type": "payment_intent.payment_failed"}).data[0]
    assert failed.data.object.last_payment_error.code == "authentication_required"


def test_a_clock_only_goes_forward(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.test_helpers.test_clocks.advance(world.clock, {"frozen_time": START})
    assert caught.value.param == "frozen_time"


def test_a_clock_takes_its_customers_with_it(world: World) -> None:
    world.subscribe(world.customer(), world.price())
    world.api.test_helpers.test_clocks.delete(world.clock)
    assert not world.api.subscriptions.list({"status": "all"}).data
    assert not world.api.invoices.list().data


def test_others_live_by_the_time_of_the_account(world: World) -> None:
    world.clock = None
    subscription = world.subscribe(world.customer(), world.price())
    now = world.control("POST", "advance", {"seconds": 32 * DAY})["now"]
    renewed = world.api.subscriptions.retrieve(subscription.id)
    assert renewed["items"].data[0].current_period_end > now
    invoices = world.api.invoices.list({"subscription": subscription.id}).data
    assert [each.status for each in invoices] == ["paid", "paid"]
    assert world.customer().created >= now


def test_a_pause_of_the_collection_keeps_drafts(world: World) -> None:
    subscription = world.subscribe(world.customer(), world.price())
    end = subscription["items"].data[0].current_period_end
    pause = {"behavior": "keep_as_draft", "resumes_at": end + DAY}
    world.api.subscriptions.update(subscription.id, {"pause_collection": pause})
    world.advance(end + 2 * DAY)
    latest = world.api.invoices.list({"subscription": subscription.id}).data[0]
    assert latest.status == "draft"
    assert world.api.subscriptions.retrieve(subscription.id).pause_collection is None
