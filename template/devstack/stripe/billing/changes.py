"""Changes of a running subscription: other prices, quantities, trial end, billing cycle."""

from dataclasses import dataclass, field

from devstack.stripe.account import Account
from devstack.stripe.billing import invoices
from devstack.stripe.billing.items import (
    check_prices,
    end_of_period,
    next_period,
    prices_of,
    total_of,
)
from devstack.stripe.billing.lines import pending_items, period_line
from devstack.stripe.billing.proration import charge_rest, credit_unused
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.store import Json


@dataclass
class Change:
    """What a request changes, besides plain fields.

    Args:
        items: all items afterwards. An item that stays has its former id.
        proration: create_prorations, always_invoice or none.
        moment: time from which the change counts; now by default.
        trial_end: new end of the trial; the time itself ends it now.
        new_cycle: begin a new period now.
        must_pay: fail if the invoice of the change is not paid.
        fields: plain fields.
    """

    items: list[Json]
    proration: str = "create_prorations"
    moment: int | None = None
    trial_end: int | None = None
    new_cycle: bool = False
    must_pay: bool = False
    fields: Json = field(default_factory=dict)


def apply(account: Account, subscription: Json, change: Change) -> Json:
    """Change a subscription.

    Raises:
        StripeError: the prices do not fit, or a payment fails that must not.
    """
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise invalid(
            "A canceled subscription can only update its cancellation_details and metadata."
        )
    if not change.items:
        raise invalid("A subscription needs at least one item.", "items")
    prices = prices_of(account, change.items)
    check_prices(prices)
    customer = account.find("customer", subscription["customer"], "customer")
    now = account.now(subscription["test_clock"])
    tell = account.watched(subscription, "customer.subscription.updated")
    account.store.touch(subscription).update(change.fields)
    trialing = subscription["status"] == "trialing"
    restart = change.new_cycle or _restarts(account, subscription, change.items)
    ends_trial = trialing and change.trial_end is not None and change.trial_end <= now
    moment = change.moment or now
    if not restart and not trialing and change.proration != "none":
        _prorate(account, customer, subscription, change.items, moment)
    elif restart and not trialing and change.proration != "none":
        for each in subscription["items"]:
            credit_unused(account, customer, subscription, each, moment)
    subscription["items"] = change.items
    if ends_trial or (restart and not trialing):
        subscription["billing_cycle_anchor"] = now
        if ends_trial:
            subscription |= {"status": "active", "trial_end": now}
        next_period(account, subscription, now)
        _invoice_period(account, customer, subscription, change)
    elif change.trial_end is not None:
        _set_trial(subscription, change.trial_end, now)
    elif change.proration == "always_invoice" and pending_items(
        account, customer["id"], subscription["id"]
    ):
        _invoice(account, customer, subscription, [], change)
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = end_of_period(subscription)
    tell()
    return subscription


def _restarts(account: Account, subscription: Json, items: list[Json]) -> bool:
    """Return whether a change begins a new billing cycle: another interval, or free to paid."""
    old, new = subscription["items"], items
    before = account.find("price", old[0]["price"])["recurring"]
    after = account.find("price", new[0]["price"])["recurring"]
    same = all(before[name] == after[name] for name in ("interval", "interval_count"))
    return not same or (total_of(account, old) == 0 and total_of(account, new) > 0)


def _prorate(
    account: Account, customer: Json, subscription: Json, items: list[Json], moment: int
) -> None:
    old = {each["id"]: each for each in subscription["items"]}
    new = {each["id"]: each for each in items}
    start, end = (old[next(iter(old))][f"current_period_{name}"] for name in ("start", "end"))
    if not start <= moment <= end:
        raise invalid("Cannot specify `proration_date` outside of the current period.")
    for identity, item in new.items():
        if identity not in old:
            item["current_period_start"], item["current_period_end"] = start, end
    for identity in (*old, *(each for each in new if each not in old)):
        before, after = old.get(identity), new.get(identity)
        if before and after and _costs_same(before, after):
            continue
        if before:
            credit_unused(account, customer, subscription, before, moment)
        if after:
            charge_rest(account, customer, subscription, after, moment)


def _costs_same(before: Json, after: Json) -> bool:
    return bool(before["price"] == after["price"] and before["quantity"] == after["quantity"])


def _set_trial(subscription: Json, trial_end: int, now: int) -> None:
    if trial_end <= now:
        return
    subscription |= {
        "status": "trialing",
        "trial_end": trial_end,
        "trial_start": subscription["trial_start"] or now,
        "billing_cycle_anchor": trial_end,
    }
    for each in subscription["items"]:
        each["current_period_end"] = trial_end


def _invoice_period(account: Account, customer: Json, subscription: Json, change: Change) -> None:
    lines = [period_line(account, subscription, each) for each in subscription["items"]]
    _invoice(account, customer, subscription, lines, change)


def _invoice(
    account: Account, customer: Json, subscription: Json, lines: list[Json], change: Change
) -> None:
    invoice = invoices.create(
        account,
        customer,
        lines,
        reason="subscription_update",
        currency=subscription["currency"],
        subscription=subscription,
    )
    invoices.finalize(account, invoice)
    if invoice["status"] != "open" or subscription["collection_method"] != "charge_automatically":
        return
    try:
        invoices.pay(account, invoice)
    except StripeError as error:
        if change.must_pay:
            error.keep = False
            error.status = 402
            raise
