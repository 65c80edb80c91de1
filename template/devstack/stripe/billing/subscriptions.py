"""The life of a subscription: start, renewal, end."""

from dataclasses import dataclass, field

from devstack.stripe.account import Account
from devstack.stripe.billing import invoices, status
from devstack.stripe.billing.items import (
    Wanted,
    check_prices,
    end_of_period,
    new_item,
    next_period,
    prices_of,
    set_period,
)
from devstack.stripe.billing.lines import period_line
from devstack.stripe.billing.methods import default_method
from devstack.stripe.billing.proration import credit_unused
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.store import Json

DAY = 86400
# Hours in which the first payment must be made.
INCOMPLETE_SECONDS = 23 * 3600
NO_CANCELLATION = {"comment": None, "feedback": None, "reason": None}
ENDED = ("canceled", "incomplete_expired")


@dataclass
class Start:
    """How a subscription starts, besides its customer and items."""

    trial_end: int | None = None
    # allow_incomplete, default_incomplete or error_if_incomplete
    payment_behavior: str = "allow_incomplete"
    on_session: bool = False
    # Fields with other values than the usual ones.
    changes: Json = field(default_factory=dict)


def start(account: Account, customer: Json, wanted: list[Wanted], how: Start) -> Json:
    """Add a subscription with its first invoice, and collect it.

    Raises:
        StripeError: the prices do not fit, or the payment fails and must not.
    """
    if not wanted:
        raise invalid("A subscription needs at least one item.", "items")
    check_prices([each.price for each in wanted])
    for each in wanted:
        if not each.price["active"]:
            raise invalid(
                f"The price specified is inactive. This field only accepts active prices: "
                f"{each.price['id']}",
                "items[0][price]",
            )
    subscription = _add(account, customer, wanted, how)
    items = subscription["items"]
    now = subscription["created"]
    trial = how.trial_end is not None
    if trial:
        set_period(items, now, how.trial_end or now)
    else:
        next_period(account, subscription, now)
    currency = subscription["currency"]
    if customer["currency"] is None:
        account.change(customer, {"currency": currency}, "customer.updated")
    elif customer["currency"] != currency:
        raise invalid(
            f"You cannot combine currencies on a single customer: {customer['currency']}.",
            "customer",
        )
    account.emit("customer.subscription.created", subscription)
    invoice = invoices.create(
        account,
        customer,
        [period_line(account, subscription, each, trial=trial) for each in items],
        reason="subscription_create",
        currency=currency,
        subscription=subscription,
    )
    invoices.finalize(account, invoice)
    if subscription["collection_method"] == "charge_automatically":
        _first_payment(account, subscription, invoice, how)
    return subscription


def _first_payment(account: Account, subscription: Json, invoice: Json, how: Start) -> None:
    if invoice["status"] == "paid":
        state = "trialing" if how.trial_end is not None else "active"
        account.change(subscription, {"status": state}, "customer.subscription.updated")
        return
    if how.payment_behavior == "default_incomplete":
        return
    try:
        invoices.pay(account, invoice, off_session=not how.on_session)
    except StripeError as error:
        if how.payment_behavior == "error_if_incomplete":
            error.keep = False
            error.status = 402
            raise


def renew(account: Account, subscription: Json) -> None:
    """Begin the next period, with the draft of its invoice."""
    now = account.now(subscription["test_clock"])
    customer = account.find("customer", subscription["customer"], "customer")
    if subscription["status"] == "trialing" and not _survives_trial(
        account, subscription, customer
    ):
        return
    tell = account.watched(subscription, "customer.subscription.updated")
    account.store.touch(subscription)
    before = (subscription["items"][0]["current_period_start"], now)
    next_period(account, subscription, now)
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    invoice = invoices.create(
        account,
        customer,
        [period_line(account, subscription, each) for each in subscription["items"]],
        reason="subscription_cycle",
        currency=subscription["currency"],
        subscription=subscription,
        period=before,
        changes=_draft(subscription, now),
    )
    if subscription["status"] == "unpaid":
        account.change(invoice, {"auto_advance": False, "automatically_finalizes_at": None})
    tell()


def _draft(subscription: Json, now: int) -> Json:
    paused = subscription["pause_collection"]
    if paused:
        return {"auto_advance": False}
    return {"automatically_finalizes_at": now + invoices.DRAFT_SECONDS}


def _survives_trial(account: Account, subscription: Json, customer: Json) -> bool:
    """Do what the subscription says for a trial that ends without a payment method."""
    behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if default_method(account, customer, subscription) or behavior == "create_invoice":
        return True
    if behavior == "pause":
        account.change(subscription, {"status": "paused"}, "customer.subscription.updated")
        account.emit("customer.subscription.paused", subscription)
    else:
        status.end(account, subscription, "cancellation_requested")
    return False


def cancel(
    account: Account,
    subscription: Json,
    *,
    prorate: bool = False,
    invoice_now: bool = False,
    details: Json | None = None,
) -> Json:
    """End a subscription now.

    Args:
        prorate: give back the unused time, as a negative invoice item.
        invoice_now: make an invoice of the waiting invoice items.
        details: comment and feedback of the customer.
    """
    if subscription["status"] in ENDED:
        raise StripeError(
            404, f"No such subscription: '{subscription['id']}'", code="resource_missing"
        )
    now = account.now(subscription["test_clock"])
    customer = account.find("customer", subscription["customer"], "customer")
    if prorate and subscription["status"] in ("active", "past_due"):
        for each in subscription["items"]:
            credit_unused(account, customer, subscription, each, now)
    if details:
        merged = {**subscription["cancellation_details"], **details}
        account.change(subscription, {"cancellation_details": merged})
    if invoice_now:
        invoice = invoices.create(
            account,
            customer,
            [],
            reason="subscription_update",
            currency=subscription["currency"],
            subscription=subscription,
        )
        invoices.finalize(account, invoice)
        if invoice["status"] == "open":
            invoices.collect(account, invoice)
    status.end(account, subscription, "cancellation_requested")
    return subscription


def expire(account: Account, subscription: Json) -> None:
    """End a subscription whose first payment was never made."""
    invoice = account.store.get(subscription["latest_invoice"])
    if invoice is not None and invoice["status"] == "open":
        invoices.void(account, invoice)
    account.change(
        subscription,
        {
            "status": "incomplete_expired",
            "ended_at": account.now(subscription["test_clock"]),
        },
        "customer.subscription.updated",
    )


def warn_of_trial_end(account: Account, subscription: Json) -> None:
    """Tell that a trial ends in three days or less."""
    account.change(subscription, {"_warned_of": subscription["trial_end"]})
    account.emit("customer.subscription.trial_will_end", subscription)


def end_at_period_end(subscription: Json) -> Json:
    """Return the changes for a cancellation at the end of the period."""
    return {
        "cancel_at_period_end": True,
        "cancel_at": end_of_period(subscription),
    }


def _add(account: Account, customer: Json, wanted: list[Wanted], how: Start) -> Json:
    now = account.now(customer["test_clock"])
    identity = account.new_id("sub")
    items = [new_item(account, identity, each, now) for each in wanted]
    return account.store.add(
        {
            "id": identity,
            "object": "subscription",
            "application": None,
            "application_fee_percent": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": how.trial_end or now,
            "billing_cycle_anchor_config": None,
            "billing_mode": {
                "flexible": {"proration_discounts": "included"},
                "type": "flexible",
                "updated_at": None,
            },
            "billing_schedules": [],
            "billing_thresholds": None,
            "cancel_at": None,
            "cancel_at_period_end": False,
            "canceled_at": None,
            "cancellation_details": dict(NO_CANCELLATION),
            "collection_method": "charge_automatically",
            "created": now,
            "currency": prices_of(account, items)[0]["currency"],
            "customer": customer["id"],
            "days_until_due": None,
            "default_payment_method": None,
            "default_source": None,
            "default_tax_rates": [],
            "description": None,
            "discounts": [],
            "ended_at": None,
            "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
            "items": items,
            "latest_invoice": None,
            "livemode": False,
            "metadata": {},
            "next_pending_invoice_item_invoice": None,
            "on_behalf_of": None,
            "pause_collection": None,
            "payment_settings": {
                "payment_method_options": None,
                "payment_method_types": None,
                "save_default_payment_method": "off",
            },
            "pending_invoice_item_interval": None,
            "pending_setup_intent": None,
            "pending_update": None,
            "schedule": None,
            "start_date": now,
            "status": _first_status(how),
            "test_clock": customer["test_clock"],
            "transfer_data": None,
            "trial_end": how.trial_end,
            "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
            "trial_start": now if how.trial_end is not None else None,
            **how.changes,
        }
    )


def _first_status(how: Start) -> str:
    if how.trial_end is not None:
        return "trialing"
    by_mail = how.changes.get("collection_method") == "send_invoice"
    return "active" if by_mail else "incomplete"
