"""Checkout sessions: what happens when they are paid, refused or expire."""

from dataclasses import dataclass

from devstack.stripe.account import Account
from devstack.stripe.billing import invoices
from devstack.stripe.billing.customers import ADDRESS, add_tax_id, new_customer
from devstack.stripe.billing.discounts import applies, share, start_discount
from devstack.stripe.billing.items import Wanted
from devstack.stripe.billing.lines import add_item, new_line, product_name
from devstack.stripe.billing.methods import attach, card_of
from devstack.stripe.billing.payments import confirm_intent, create_intent
from devstack.stripe.billing.subscriptions import Start, start
from devstack.stripe.billing.taxes import is_located, tax_of
from devstack.stripe.errors import StripeError
from devstack.stripe.store import Json

DAY = 86400


def expire(account: Account, session: Json) -> Json:
    """Expire an open session."""
    if session["status"] != "open":
        raise StripeError(400, 'Only Checkout Sessions with a status in ["open"] can be expired.')
    account.change(session, {"status": "expired", "url": None})
    account.emit("checkout.session.expired", session)
    return session


def set_amounts(account: Account, session: Json) -> None:
    """Compute the totals of a session from its line items, discounts and the customer's taxes."""
    items = session["_line_items"]
    customer = account.store.get(session["customer"])
    left = []
    for item in items:
        price = account.find("price", item["price"])
        item["amount_subtotal"] = price["unit_amount"] * item["quantity"]
        left.append(item["amount_subtotal"])
    for each in session["discounts"] or []:
        coupon = _coupon(account, each)
        fitting = [n for n, item in enumerate(items) if applies(coupon, _product(account, item))]
        parts = share([left[n] for n in fitting], coupon)
        for number, part in zip(fitting, parts, strict=True):
            left[number] -= part
    due_later = session["_trial_end"] is not None or session["_trial_days"]
    for item, amount in zip(items, left, strict=True):
        off = item["amount_subtotal"] - amount
        tax = None
        if session["automatic_tax"]["enabled"] and customer is not None:
            tax = tax_of(account, customer, amount, _behavior(account, item))
        extra = tax["amount"] if tax and tax["tax_behavior"] == "exclusive" else 0
        item |= {
            "amount_discount": off,
            "amount_tax": tax["amount"] if tax else 0,
            "amount_total": amount + extra,
        }
        if due_later:
            item |= dict.fromkeys(
                ("amount_subtotal", "amount_discount", "amount_tax", "amount_total"), 0
            )
    if session["automatic_tax"]["enabled"]:
        located = customer is not None and is_located(customer)
        session["automatic_tax"]["status"] = "complete" if located else "requires_location_inputs"
    session |= {
        "amount_subtotal": sum(item["amount_subtotal"] for item in items),
        "amount_total": sum(item["amount_total"] for item in items),
        "total_details": {
            "amount_discount": sum(item["amount_discount"] for item in items),
            "amount_shipping": 0,
            "amount_tax": sum(item["amount_tax"] for item in items),
        },
    }


def needs_card(session: Json) -> bool:
    """Return whether the customer must give a card."""
    if session["mode"] == "payment":
        return bool(session["amount_total"])
    return session["payment_method_collection"] != "if_required" or bool(session["amount_total"])


@dataclass(frozen=True)
class Payer:
    """What a person types on the page."""

    email: str | None = None
    # Two letters, for the tax.
    country: str | None = None
    # Of the European Union, for firms.
    tax_id: str | None = None


def complete(
    account: Account, session: Json, method: Json | None, payer: Payer | None = None
) -> Json:
    """Pay a session.

    Args:
        method: payment method; None if no card is needed.
        payer: what the person has typed.

    Raises:
        StripeError: the session is not open, or the card is declined. The session stays open.
    """
    if session["status"] != "open":
        raise StripeError(400, f"This Checkout Session is {session['status']}.")
    if method is None and needs_card(session):
        raise StripeError(400, "A card is required.", code="parameter_missing")
    payer = payer or Payer()
    customer = _customer(account, session, payer.email)
    if customer is not None:
        _add_tax_details(account, session, customer, payer)
    if method is not None:
        if card_of(method).decline and session["amount_total"]:
            # Even a card that could be stored for later cannot pay now.
            _refuse(account, session, customer, method)
        if customer is not None:
            attach(account, method, customer)
    changes: Json = {"status": "complete", "url": None, "payment_status": "paid"}
    if session["mode"] == "subscription" and customer is not None:
        changes |= _subscribe(account, session, customer, method)
    else:
        changes |= _charge(account, session, customer, method)
    changes["customer_details"] = _details(account, session, customer, payer.email)
    account.change(session, changes)
    account.emit("checkout.session.completed", session)
    return session


def _customer(account: Account, session: Json, email: str | None) -> Json | None:
    if session["customer"] is not None:
        return account.find("customer", session["customer"], "customer")
    if session["mode"] == "payment" and session["customer_creation"] != "always":
        return None
    customer = new_customer(account, email=email or session["customer_email"])
    account.emit("customer.created", customer)
    account.change(session, {"customer": customer["id"]})
    return customer


def _add_tax_details(account: Account, session: Json, customer: Json, payer: Payer) -> None:
    """Store country and tax id, on which the amount depends."""
    if payer.country:
        address = {**dict.fromkeys(ADDRESS), **(customer["address"] or {})}
        account.change(
            customer, {"address": {**address, "country": payer.country}}, "customer.updated"
        )
    if payer.tax_id and session["tax_id_collection"]["enabled"]:
        add_tax_id(account, customer, "eu_vat", payer.tax_id)
    account.store.touch(session)
    set_amounts(account, session)


def _refuse(account: Account, session: Json, customer: Json | None, method: Json) -> None:
    """Record the declined payment, as Stripe does, and raise its error."""
    intent = account.store.get(session["_intent"]) or create_intent(
        account,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=customer,
        metadata=dict(session["_payment"].get("metadata") or {}),
    )
    account.change(session, {"_intent": intent["id"]})
    confirm_intent(account, intent, method, off_session=False)


def _subscribe(account: Account, session: Json, customer: Json, method: Json | None) -> Json:
    now = account.now(customer["test_clock"])
    trial_end = session["_trial_end"]
    if session["_trial_days"]:
        trial_end = now + session["_trial_days"] * DAY
    wanted = [
        Wanted(account.find("price", each["price"]), each["quantity"], {})
        for each in session["_line_items"]
        if account.find("price", each["price"])["recurring"]
    ]
    once = [
        each
        for each in session["_line_items"]
        if not account.find("price", each["price"])["recurring"]
    ]
    for each in once:
        _add_once(account, customer, each)
    discounts = _start_discounts(account, session, customer)
    subscription = start(
        account,
        customer,
        wanted,
        Start(
            trial_end=trial_end,
            payment_behavior="error_if_incomplete",
            on_session=True,
            changes={
                **session["_subscription"],
                "default_payment_method": method["id"] if method else None,
                "automatic_tax": {
                    "disabled_reason": None,
                    "enabled": session["automatic_tax"]["enabled"],
                    "liability": session["automatic_tax"]["liability"],
                },
                "discounts": discounts,
            },
        ),
    )
    for each in discounts:
        account.change(account.find("discount", each), {"subscription": subscription["id"]})
    invoice = account.find("invoice", subscription["latest_invoice"])
    paid = "paid" if invoice["amount_due"] or not trial_end else "no_payment_required"
    return {
        "subscription": subscription["id"],
        "invoice": invoice["id"],
        "payment_status": paid,
    }


def _add_once(account: Account, customer: Json, item: Json) -> None:
    price = account.find("price", item["price"])
    now = account.now(customer["test_clock"])
    add_item(
        account,
        customer,
        amount=price["unit_amount"] * item["quantity"],
        currency=price["currency"],
        description=product_name(account, price),
        period={"start": now, "end": now},
        price=price,
        quantity=item["quantity"],
    )


def _start_discounts(account: Account, session: Json, customer: Json | None) -> list[str]:
    """Redeem the discounts of a session, and return the ids."""
    started = [
        start_discount(
            account,
            customer=customer["id"] if customer else None,
            coupon=account.store.get(each["coupon"]),
            code=account.store.get(each["promotion_code"]),
            checkout_session=session["id"],
        )
        for each in session["discounts"] or []
    ]
    return [each["id"] for each in started]


def _charge(account: Account, session: Json, customer: Json | None, method: Json | None) -> Json:
    discounts = _start_discounts(account, session, customer)
    if method is None:
        return {"payment_status": "no_payment_required"}
    if session["invoice_creation"]["enabled"] and customer is not None:
        return _charge_by_invoice(account, session, customer, method, discounts)
    intent = account.store.get(session["_intent"]) or create_intent(
        account,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=customer,
        **session["_payment"],
    )
    confirm_intent(account, intent, method, off_session=False)
    return {"payment_intent": intent["id"]}


def _charge_by_invoice(
    account: Account, session: Json, customer: Json, method: Json, discounts: list[str]
) -> Json:
    now = account.now(customer["test_clock"])
    lines = []
    for item in session["_line_items"]:
        price = account.find("price", item["price"])
        line = new_line(
            account,
            amount=item["amount_subtotal"],
            currency=price["currency"],
            description=item["description"],
            period={"start": now, "end": now},
            price=price,
            quantity=item["quantity"],
            metadata={},
            subscription=None,
            parent=None,
        )
        lines.append(line)
    data = session["invoice_creation"]["invoice_data"]
    invoice = invoices.create(
        account,
        customer,
        lines,
        reason="manual",
        currency=session["currency"],
        with_pending=False,
        discounts=discounts,
        changes={
            "metadata": data["metadata"],
            "description": data["description"],
            # Source: https://docs.stripe.com/billing/customer/balance
            "_ignores_balance": True,
        },
    )
    invoice["automatic_tax"] |= {
        "enabled": session["automatic_tax"]["enabled"],
        "liability": session["automatic_tax"]["liability"],
        "provider": session["automatic_tax"]["provider"],
        "status": session["automatic_tax"]["status"],
    }
    invoices.finalize(account, invoice)
    invoices.pay(account, invoice, method, off_session=False)
    payment = account.where("invoice_payment", invoice=invoice["id"])[-1]
    return {"invoice": invoice["id"], "payment_intent": payment["payment"]["payment_intent"]}


def _details(account: Account, session: Json, customer: Json | None, email: str | None) -> Json:
    source = customer or {}
    return {
        "address": source.get("address"),
        "business_name": None,
        "email": source.get("email") or email or session["customer_email"],
        "individual_name": None,
        "name": source.get("name"),
        "phone": source.get("phone"),
        "tax_exempt": source.get("tax_exempt", "none"),
        "tax_ids": [
            {"type": each["type"], "value": each["value"]}
            for each in account.where("tax_id", customer=source.get("id", ""))
        ],
    }


def _coupon(account: Account, discount: Json) -> Json:
    code = account.store.get(discount["promotion_code"])
    identity = code["promotion"]["coupon"] if code else discount["coupon"]
    return account.find("coupon", identity, "discounts")


def _product(account: Account, item: Json) -> str:
    return str(account.find("price", item["price"])["product"])


def _behavior(account: Account, item: Json) -> str:
    price = account.find("price", item["price"])
    return "inclusive" if price["tax_behavior"] == "inclusive" else "exclusive"
