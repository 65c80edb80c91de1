"""What a paid or failed invoice means for its subscription."""

from devstack.stripe.account import Account
from devstack.stripe.store import Json

DAY = 86400
# Days between the attempts to collect an invoice. After the last one the account's setting says
# what happens with the subscription.
RETRY_DAYS = (3, 5, 7)


def subscription_of(account: Account, invoice: Json) -> Json | None:
    """Return the subscription of an invoice."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return account.store.get(details.get("subscription"))


def next_attempt(invoice: Json, now: int) -> int | None:
    """Return when to try again after a failed attempt, or None if it was the last one."""
    failed = invoice["attempt_count"]
    return now + RETRY_DAYS[failed - 1] * DAY if failed <= len(RETRY_DAYS) else None


def after_payment(account: Account, invoice: Json) -> None:
    """Make a subscription active whose invoices are all paid."""
    subscription = subscription_of(account, invoice)
    if subscription is None:
        return
    others = [
        each
        for each in account.where("invoice", customer=invoice["customer"], status="open")
        if each is not invoice and subscription_of(account, each) is subscription
    ]
    if subscription["status"] in ("incomplete", "past_due", "unpaid") and not others:
        account.change(subscription, {"status": "active"}, "customer.subscription.updated")


def after_failure(account: Account, invoice: Json) -> None:
    """Make a subscription past due, or end it after the last attempt."""
    subscription = subscription_of(account, invoice)
    if subscription is None or subscription["status"] not in ("active", "past_due", "trialing"):
        return
    if invoice["next_payment_attempt"] is None and invoice["attempt_count"] > len(RETRY_DAYS):
        then = account.settings["after_last_attempt"]
        if then == "cancel":
            end(account, subscription, "payment_failed")
            return
        status = "unpaid" if then == "unpaid" else "past_due"
    else:
        status = "past_due"
    account.change(subscription, {"status": status}, "customer.subscription.updated")


def end(account: Account, subscription: Json, reason: str) -> None:
    """End a subscription now. Its open invoices are no longer collected."""
    now = account.now(subscription["test_clock"])
    account.change(
        subscription,
        {
            "status": "canceled",
            "canceled_at": subscription["canceled_at"] or now,
            "cancellation_details": {**subscription["cancellation_details"], "reason": reason},
            "ended_at": now,
            "pause_collection": None,
        },
    )
    account.emit("customer.subscription.deleted", subscription)
    for invoice in account.where("invoice", customer=subscription["customer"]):
        if invoice["status"] in ("draft", "open") and (
            subscription_of(account, invoice) is subscription
        ):
            account.change(
                invoice,
                {
                    "auto_advance": False,
                    "automatically_finalizes_at": None,
                    "next_payment_attempt": None,
                },
                "invoice.updated",
            )
