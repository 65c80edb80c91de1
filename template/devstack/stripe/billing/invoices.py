"""Invoices: draft, finalized, paid or failed."""

from devstack.stripe.account import Account
from devstack.stripe.billing import status
from devstack.stripe.billing.discounts import active
from devstack.stripe.billing.lines import line_of_item, pending_items
from devstack.stripe.billing.methods import default_method
from devstack.stripe.billing.payments import cancel_intent, confirm_intent, create_intent
from devstack.stripe.billing.taxes import is_located
from devstack.stripe.billing.totals import set_due, set_totals
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.store import Json

# A draft of a renewal is open to changes for an hour.
DRAFT_SECONDS = 3600
DAY = 86400


def create(
    account: Account,
    customer: Json,
    lines: list[Json],
    *,
    reason: str,
    currency: str,
    subscription: Json | None = None,
    period: tuple[int, int] | None = None,
    with_pending: bool = True,
    discounts: list[str] | None = None,
    changes: Json | None = None,
) -> Json:
    """Add a draft with lines and, unless `with_pending` is false, the waiting invoice items.

    Args:
        period: start and end of the time that the draft looks back at; both now by default.
        changes: fields with other values than the usual ones.
    """
    now = account.now(customer["test_clock"])
    identity = account.new_id("in")
    owner = subscription["id"] if subscription else None
    waiting = pending_items(account, customer["id"], owner) if with_pending else []
    waiting = [each for each in waiting if each["currency"] == currency]
    for item in waiting:
        account.change(item, {"invoice": identity})
    start, end = period or (now, now)
    invoice = account.store.add(
        {
            "id": identity,
            "object": "invoice",
            "account_country": "US",
            "account_name": "Local Stripe",
            "account_tax_ids": None,
            "amount_due": 0,
            "amount_overpaid": 0,
            "amount_paid": 0,
            "amount_remaining": 0,
            "amount_shipping": 0,
            "application": None,
            "attempt_count": 0,
            "attempted": False,
            "auto_advance": True,
            "automatic_tax": _automatic_tax(subscription, customer),
            "automatically_finalizes_at": None,
            "billing_reason": reason,
            "collection_method": "charge_automatically",
            "created": now,
            "currency": currency,
            "custom_fields": None,
            "customer": customer["id"],
            "customer_address": customer["address"],
            "customer_email": customer["email"],
            "customer_name": customer["name"],
            "customer_phone": customer["phone"],
            "customer_shipping": customer["shipping"],
            "customer_tax_exempt": customer["tax_exempt"],
            "customer_tax_ids": [
                {"type": each["type"], "value": each["value"]}
                for each in account.where("tax_id", customer=customer["id"])
            ],
            "default_payment_method": None,
            "default_source": None,
            "default_tax_rates": [],
            "description": None,
            "discounts": _discounts(customer, subscription) if discounts is None else discounts,
            "due_date": None,
            "effective_at": None,
            "ending_balance": None,
            "footer": customer["invoice_settings"]["footer"],
            "from_invoice": None,
            "hosted_invoice_url": None,
            "invoice_pdf": None,
            "issuer": {"type": "self"},
            "last_finalization_error": None,
            "latest_revision": None,
            "lines": [*(line_of_item(account, each) for each in waiting), *lines],
            "livemode": False,
            "metadata": {},
            "next_payment_attempt": None,
            "number": None,
            "on_behalf_of": None,
            "parent": _parent(subscription),
            "payment_settings": {
                "default_mandate": None,
                "payment_method_options": None,
                "payment_method_types": None,
            },
            "period_end": end,
            "period_start": start,
            "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0,
            "receipt_number": None,
            "rendering": None,
            "shipping_cost": None,
            "shipping_details": None,
            "starting_balance": 0,
            "statement_descriptor": None,
            "status": "draft",
            "status_transitions": {
                "finalized_at": None,
                "marked_uncollectible_at": None,
                "paid_at": None,
                "voided_at": None,
            },
            "test_clock": customer["test_clock"],
            "threshold_reason": None,
            "total_pretax_credit_amounts": [],
            "webhooks_delivered_at": None,
            **(changes or {}),
            "_discounts_at": now,
        }
    )
    if subscription is not None:
        _copy_settings(invoice, subscription, now)
    for line in invoice["lines"]:
        line["invoice"] = identity
    set_totals(account, invoice, customer)
    account.emit("invoice.created", invoice)
    if subscription is not None:
        account.change(subscription, {"latest_invoice": identity})
    return invoice


def refresh(account: Account, invoice: Json) -> None:
    """Compute the totals of a draft again."""
    customer = account.find("customer", invoice["customer"], "customer")
    set_totals(account, account.store.touch(invoice), customer)


def finalize(account: Account, invoice: Json) -> Json:
    """Give a draft its number, and make it open; without an amount it is paid at once."""
    if invoice["status"] != "draft":
        raise StripeError(
            400,
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    customer = account.find("customer", invoice["customer"], "customer")
    now = account.now(invoice["test_clock"])
    refresh(account, invoice)
    number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}"
    left = invoice["total"] + invoice["starting_balance"]
    balance = min(left, 0)
    kept = customer["balance"] if invoice.get("_ignores_balance") else balance
    account.change(
        customer,
        {"next_invoice_sequence": customer["next_invoice_sequence"] + 1, "balance": kept},
        "customer.updated" if kept != customer["balance"] else None,
    )
    _use_up_discounts(account, invoice)
    invoice |= {
        "status": "open",
        "number": number,
        "effective_at": now,
        "ending_balance": balance,
        "automatically_finalizes_at": None,
        "hosted_invoice_url": f"{account.url}/invoices/{invoice['id']}",
        "status_transitions": {**invoice["status_transitions"], "finalized_at": now},
    }
    set_due(invoice, None)
    if invoice["amount_due"] > 0:
        _request_payment(account, invoice, customer)
    account.emit("invoice.finalized", invoice)
    if invoice["amount_due"] == 0:
        _mark_paid(account, invoice, now)
    return invoice


def pay(
    account: Account,
    invoice: Json,
    method: Json | None = None,
    *,
    off_session: bool = True,
    outside: bool = False,
) -> Json:
    """Pay an open invoice with a payment method, by default the customer's.

    Args:
        outside: it was paid outside of Stripe.

    Raises:
        StripeError: the payment fails. The failed attempt stays.
    """
    if invoice["status"] == "draft":
        finalize(account, invoice)
    if invoice["status"] == "paid":
        return invoice
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(f"Invoice is {invoice['status']}, so it cannot be paid.")
    customer = account.find("customer", invoice["customer"], "customer")
    now = account.now(invoice["test_clock"])
    if outside:
        return _mark_paid(account, invoice, now)
    subscription = status.subscription_of(account, invoice)
    if method is None:
        method = account.store.get(invoice["default_payment_method"])
        method = method or default_method(account, customer, subscription)
    payment = account.where("invoice_payment", invoice=invoice["id"])[-1]
    intent = account.find("payment_intent", payment["payment"]["payment_intent"])
    try:
        if method is None:
            raise StripeError(
                400,
                "There is no `default_payment_method` set on this Customer or Invoice.",
                code="invoice_payment_intent_requires_action",
                keep=True,
            )
        confirm_intent(account, intent, method, off_session=off_session)
    except StripeError:
        _mark_failed(account, invoice, now)
        raise
    account.change(
        payment,
        {
            "amount_paid": invoice["amount_due"],
            "status": "paid",
            "status_transitions": {"canceled_at": None, "paid_at": now},
        },
    )
    account.emit("invoice_payment.paid", payment)
    return _mark_paid(account, invoice, now)


def collect(account: Account, invoice: Json) -> bool:
    """Try to pay an invoice without the customer, and return whether it is paid."""
    try:
        pay(account, invoice)
    except StripeError:
        return False
    return True


def void(account: Account, invoice: Json) -> Json:
    """Declare an open invoice void."""
    return _close(account, invoice, "void", "voided_at", "invoice.voided")


def mark_uncollectible(account: Account, invoice: Json) -> Json:
    """Give up an open invoice."""
    return _close(
        account, invoice, "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible"
    )


def _close(account: Account, invoice: Json, to: str, transition: str, event: str) -> Json:
    if invoice["status"] not in ("open", "uncollectible"):
        raise StripeError(
            400, f"You can only pass in open invoices. This invoice isn't open: {invoice['id']}"
        )
    moment = {transition: account.now(invoice["test_clock"])}
    account.change(
        invoice,
        {
            "status": to,
            "auto_advance": False,
            "next_payment_attempt": None,
            "status_transitions": {**invoice["status_transitions"], **moment},
        },
    )
    if to == "void":
        for payment in account.where("invoice_payment", invoice=invoice["id"], status="open"):
            intent = account.find("payment_intent", payment["payment"]["payment_intent"])
            cancel_intent(account, intent, "void_invoice")
            account.change(payment, {"status": "canceled"})
    account.emit(event, invoice)
    account.emit("invoice.updated", invoice, {"status": "open"})
    return invoice


def _mark_paid(account: Account, invoice: Json, now: int) -> Json:
    tell = account.watched(invoice, "invoice.updated")
    attempts = invoice["attempt_count"] + (invoice["amount_due"] > 0)
    account.change(
        invoice,
        {
            "status": "paid",
            "amount_paid": invoice["amount_due"],
            "amount_remaining": 0,
            "attempted": True,
            "attempt_count": attempts,
            "auto_advance": False,
            "next_payment_attempt": None,
            "status_transitions": {**invoice["status_transitions"], "paid_at": now},
        },
    )
    tell()
    account.emit("invoice.paid", invoice)
    account.emit("invoice.payment_succeeded", invoice)
    status.after_payment(account, invoice)
    return invoice


def _mark_failed(account: Account, invoice: Json, now: int) -> None:
    tell = account.watched(invoice, "invoice.updated")
    account.change(invoice, {"attempted": True, "attempt_count": invoice["attempt_count"] + 1})
    retried = invoice["auto_advance"] and invoice["billing_reason"] != "subscription_create"
    account.change(
        invoice,
        {"next_payment_attempt": status.next_attempt(invoice, now) if retried else None},
    )
    tell()
    account.emit("invoice.payment_failed", invoice)
    status.after_failure(account, invoice)


def _request_payment(account: Account, invoice: Json, customer: Json) -> None:
    intent = create_intent(
        account,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=customer,
        description=f"Invoice {invoice['number']}",
    )
    account.store.add(
        {
            "id": account.new_id("inpay"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": invoice["amount_due"],
            "created": account.now(invoice["test_clock"]),
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    )


def _discounts(customer: Json, subscription: Json | None) -> list[str]:
    """Return the discounts of the subscription or, if it has none, of the customer."""
    own = subscription["discounts"] if subscription else []
    general = [customer["discount"]["id"]] if customer["discount"] else []
    return list(own or general)


def _use_up_discounts(account: Account, invoice: Json) -> None:
    """Remove the discounts that are for one invoice, if this invoice has taken them."""
    subscription = status.subscription_of(account, invoice)
    taken = {each["discount"] for each in invoice["total_discount_amounts"] if each["amount"]}
    for discount, coupon in active(account, invoice["discounts"], invoice["_discounts_at"]):
        if coupon["duration"] != "once" or discount["id"] not in taken:
            continue
        if subscription and discount["id"] in subscription["discounts"]:
            rest = [each for each in subscription["discounts"] if each != discount["id"]]
            account.change(subscription, {"discounts": rest}, "customer.subscription.updated")
        customer = account.find("customer", invoice["customer"])
        if (customer["discount"] or {}).get("id") == discount["id"]:
            account.change(customer, {"discount": None}, "customer.updated")


def _automatic_tax(subscription: Json | None, customer: Json) -> Json:
    enabled = bool(subscription and subscription["automatic_tax"]["enabled"])
    state = "complete" if is_located(customer) else "requires_location_inputs"
    return {
        "disabled_reason": None,
        "enabled": enabled,
        "liability": {"type": "self"} if enabled else None,
        "provider": "stripe" if enabled else None,
        "status": state if enabled else None,
    }


def _parent(subscription: Json | None) -> Json | None:
    if subscription is None:
        return None
    return {
        "quote_details": None,
        "subscription_details": {
            "metadata": dict(subscription["metadata"]),
            "subscription": subscription["id"],
        },
        "type": "subscription_details",
    }


def _copy_settings(invoice: Json, subscription: Json, now: int) -> None:
    invoice["collection_method"] = subscription["collection_method"]
    invoice["description"] = subscription["description"]
    if subscription["days_until_due"] is not None:
        invoice["due_date"] = now + subscription["days_until_due"] * DAY
