"""Lines of invoices, and invoice items, which become lines of the next invoice."""

from typing import Any

from devstack.stripe.account import Account
from devstack.stripe.store import Json


def pricing_of(price: Json) -> Json:
    """Return which price a line has."""
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def product_name(account: Account, price: Json) -> str:
    """Return the name of the product of a price."""
    found = account.store.get(price["product"])
    return str(found["name"]) if found else str(price["product"])


def shown_amount(amount: int, currency: str) -> str:
    """Return an amount for people, such as `9.00 USD`."""
    return f"{amount / 100:.2f} {currency.upper()}"


def period_line(account: Account, subscription: Json, item: Json, *, trial: bool = False) -> Json:
    """Return the line for the period of a subscription's item."""
    price, quantity = account.find("price", item["price"]), item["quantity"]
    name, recurring = product_name(account, price), price["recurring"]
    amount = 0 if trial else price["unit_amount"] * quantity
    cost = shown_amount(price["unit_amount"], price["currency"])
    every = recurring["interval"]
    text = f"Trial period for {name}" if trial else f"{quantity} × {name} (at {cost} / {every})"
    return new_line(
        account,
        amount=amount,
        currency=price["currency"],
        description=text,
        period={"start": item["current_period_start"], "end": item["current_period_end"]},
        price=price,
        quantity=quantity,
        metadata=subscription["metadata"],
        subscription=subscription["id"],
        parent={
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": None,
                "subscription": subscription["id"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
    )


def line_of_item(account: Account, item: Json) -> Json:
    """Return the line for an invoice item."""
    owner = (item["parent"] or {}).get("subscription_details") or {}
    details: Json = {
        "invoice_item": item["id"],
        "proration": item["proration"],
        "proration_details": item["_proration_details"],
        "subscription": owner.get("subscription"),
    }
    of_subscription = owner.get("subscription_item")
    if of_subscription:
        details["subscription_item"] = of_subscription
    kind = "subscription_item_details" if of_subscription else "invoice_item_details"
    parent = {"invoice_item_details": None, "subscription_item_details": None, "type": kind}
    price = account.store.get((item["pricing"] or {}).get("price_details", {}).get("price"))
    return new_line(
        account,
        amount=item["amount"],
        currency=item["currency"],
        description=item["description"],
        period=item["period"],
        price=price,
        quantity=item["quantity"],
        metadata=item["metadata"],
        subscription=owner.get("subscription"),
        discountable=item["discountable"],
        parent={**parent, kind: details},
    )


def new_line(account: Account, *, price: Json | None, **fields: Any) -> Json:
    """Return a line that belongs to no invoice yet."""
    return {
        "id": account.new_id("il"),
        "object": "line_item",
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "pretax_credit_amounts": [],
        "pricing": pricing_of(price) if price else None,
        "subtotal": fields["amount"],
        "taxes": [],
        **fields,
    }


def add_item(
    account: Account,
    customer: Json,
    *,
    amount: int,
    currency: str,
    description: str | None,
    period: Json,
    price: Json | None = None,
    quantity: int = 1,
    subscription: Json | None = None,
    item: str | None = None,
    proration: bool = False,
    credited: Json | None = None,
    metadata: Json | None = None,
) -> Json:
    """Add an invoice item.

    Args:
        item: id of the subscription's item that it comes from.
        credited: invoice and lines that a negative amount gives back.
    """
    parent = None
    if subscription is not None:
        owner = {"subscription": subscription["id"], "subscription_item": item}
        parent = {"subscription_details": owner, "type": "subscription_details"}
    return account.add(
        {
            "id": account.new_id("ii"),
            "object": "invoiceitem",
            "amount": amount,
            "currency": currency,
            "customer": customer["id"],
            "date": account.now(customer["test_clock"]),
            "description": description,
            "discountable": not proration,
            "discounts": [],
            "invoice": None,
            "livemode": False,
            "metadata": metadata or {},
            "net_amount": amount,
            "parent": parent,
            "period": period,
            "pricing": pricing_of(price) if price else None,
            "proration": proration,
            "proration_details": {"discount_amounts": []} if proration else None,
            "quantity": quantity,
            "quantity_decimal": str(quantity),
            "tax_rates": [],
            "test_clock": customer["test_clock"],
            "_proration_details": {"credited_items": credited} if proration else None,
        },
        "invoiceitem.created",
    )


def pending_items(account: Account, customer: str, subscription: str | None) -> list[Json]:
    """Return the invoice items that wait for an invoice: of a subscription, and of none."""
    found = []
    for each in account.where("invoiceitem", customer=customer, invoice=None):
        owner = (each["parent"] or {}).get("subscription_details") or {}
        if owner.get("subscription") in (None, subscription):
            found.append(each)
    return found
