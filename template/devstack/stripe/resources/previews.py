"""Previews of invoices: the change is made, looked at, and undone."""

from devstack.stripe.account import Account
from devstack.stripe.billing import changes, subscriptions
from devstack.stripe.billing.customers import new_customer
from devstack.stripe.billing.items import end_of_period
from devstack.stripe.calls import Call, Route
from devstack.stripe.errors import StripeError
from devstack.stripe.params import Params
from devstack.stripe.rendering import render
from devstack.stripe.resources.customers import address
from devstack.stripe.resources.discounts import read_discounts
from devstack.stripe.resources.subscriptions import automatic_tax, read_change, wanted_items
from devstack.stripe.store import Json

NOT_YET = {
    "id": "upcoming_in_local",
    "amount_paid": 0,
    "attempt_count": 0,
    "attempted": False,
    "auto_advance": False,
    "effective_at": None,
    "hosted_invoice_url": None,
    "next_payment_attempt": None,
    "number": None,
    "status": "draft",
    "status_transitions": {
        "finalized_at": None,
        "marked_uncollectible_at": None,
        "paid_at": None,
        "voided_at": None,
    },
}


def create(call: Call) -> Json:
    """Return the next invoice of a customer or subscription, or that of a change."""
    account, params = call.account, call.params
    params.ignore("preview_mode")
    subscription = call.referred("subscription", "subscription")
    customer = call.referred("customer", "customer")
    details = params.child("subscription_details") or Params({})
    with account.store.rehearsal():
        if subscription is None and details.has("items"):
            invoice = _of_new(call, customer, details)
        else:
            found = subscription or _only_subscription(account, customer)
            invoice = _of_change(call, found, details)
        shown = render(account.store, invoice)
        shown |= {**NOT_YET, "amount_remaining": shown["amount_due"]}
        shown["lines"]["url"] = "/v1/invoices/upcoming_in_local/lines"
        account.forget_follow_ups()
    return shown


def _of_new(call: Call, customer: Json | None, details: Params) -> Json:
    account = call.account
    given = call.params.child("customer_details")
    if customer is None:
        customer = new_customer(account)
    if given is not None:
        given.ignore("shipping", "tax", "tax_ids")
        customer["address"] = address(given.child("address")) or customer["address"]
        customer["tax_exempt"] = given.text("tax_exempt") or customer["tax_exempt"]
    details.ignore("proration_behavior", "billing_cycle_anchor", "start_date")
    inner = Call(account, details, call.ids)
    found = read_discounts(call, call.params, customer["id"])
    changes: Json = {"discounts": [each["id"] for each in found]}
    if call.params.has("automatic_tax"):
        changes["automatic_tax"] = automatic_tax(call.params.child("automatic_tax"))
    how = subscriptions.Start(
        trial_end=details.integer("trial_end"),
        payment_behavior="default_incomplete",
        changes=changes,
    )
    created = subscriptions.start(account, customer, wanted_items(inner), how)
    return account.find("invoice", created["latest_invoice"])


def _only_subscription(account: Account, customer: Json | None) -> Json:
    running = [
        each
        for each in account.where("subscription", customer=customer["id"] if customer else "")
        if each["ended_at"] is None
    ]
    if not running:
        raise _none()
    return running[-1]


def _of_change(call: Call, subscription: Json, details: Params) -> Json:
    account = call.account
    call.params.ignore("automatic_tax", "discounts", "currency")
    before = subscription["latest_invoice"]
    if details.flag("cancel_now"):
        subscriptions.cancel(
            account,
            subscription,
            prorate=details.text("proration_behavior") != "none",
            invoice_now=True,
        )
    else:
        change = read_change(call, subscription, details)
        changes.apply(account, subscription, change)
    if subscription["latest_invoice"] == before:
        _renew(account, subscription)
    if subscription["latest_invoice"] == before:
        raise _none()
    invoice = account.find("invoice", subscription["latest_invoice"])
    if invoice["billing_reason"] == "subscription_cycle":
        invoice["billing_reason"] = "upcoming"
    return invoice


def _renew(account: Account, subscription: Json) -> None:
    """Let the next period begin, if the subscription does not end before."""
    moment, ends = end_of_period(subscription), subscription["cancel_at"]
    if subscription["ended_at"] is not None or (ends is not None and ends <= moment):
        return
    clock = subscription["test_clock"] or ""
    account.moments[clock] = moment
    try:
        subscriptions.renew(account, subscription)
    finally:
        del account.moments[clock]


def _none() -> StripeError:
    return StripeError(
        404, "No upcoming invoices for customer", code="invoice_upcoming_none", param="customer"
    )


ROUTES = [Route("POST", "/v1/invoices/create_preview", create)]
