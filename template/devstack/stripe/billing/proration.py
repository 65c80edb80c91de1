"""Proration: the part of a price for the rest of a period, to the second."""

from datetime import UTC, datetime

from devstack.stripe.account import Account
from devstack.stripe.billing.discounts import active, applies
from devstack.stripe.billing.lines import add_item, product_name
from devstack.stripe.store import Json


def credit_unused(
    account: Account, customer: Json, subscription: Json, item: Json, moment: int
) -> Json | None:
    """Add the negative invoice item for the unused time of an item; None if it is nothing."""
    return _prorate(account, customer, subscription, item, moment, sign=-1)


def charge_rest(
    account: Account, customer: Json, subscription: Json, item: Json, moment: int
) -> Json | None:
    """Add the invoice item for the remaining time of a new item; None if it is nothing."""
    return _prorate(account, customer, subscription, item, moment, sign=1)


def _prorate(
    account: Account, customer: Json, subscription: Json, item: Json, moment: int, *, sign: int
) -> Json | None:
    price = account.find("price", item["price"])
    start, end = item["current_period_start"], item["current_period_end"]
    full = price["unit_amount"] * item["quantity"]
    full -= _discount(account, subscription, customer, price["product"], full, moment)
    amount = sign * round(full * (end - moment) / (end - start))
    name = product_name(account, price)
    day = datetime.fromtimestamp(moment, UTC).strftime("%d %b %Y")
    kind = "Unused" if sign < 0 else "Remaining"
    quantity = f"{item['quantity']} × " if item["quantity"] > 1 else ""
    if amount == 0:
        return None
    return add_item(
        account,
        customer,
        amount=amount,
        currency=price["currency"],
        description=f"{kind} time on {quantity}{name} after {day}",
        period={"start": moment, "end": end},
        price=price,
        quantity=item["quantity"],
        subscription=subscription,
        item=item["id"],
        proration=True,
        credited=_credited(account, subscription, item) if sign < 0 else None,
        metadata=dict(item["metadata"]),
    )


def _discount(
    account: Account, subscription: Json, customer: Json, product: str, full: int, moment: int
) -> int:
    """Return how much the discounts take off a full period: prorations contain them."""
    general = [customer["discount"]["id"]] if customer["discount"] else []
    off = 0
    for _, coupon in active(account, subscription["discounts"] or general, moment):
        if not applies(coupon, product):
            continue
        if coupon["percent_off"] is not None:
            off += round((full - off) * coupon["percent_off"] / 100)
        else:
            off += min(full - off, coupon["amount_off"])
    return off


def _credited(account: Account, subscription: Json, item: Json) -> Json | None:
    """Return invoice and lines that have charged the period of an item."""
    for invoice in reversed(account.where("invoice", customer=subscription["customer"])):
        lines = [
            line["id"]
            for line in invoice["lines"]
            if line["amount"] > 0 and _subscription_item(line) == item["id"]
        ]
        if lines:
            return {"invoice": invoice["id"], "invoice_line_items": lines}
    return None


def _subscription_item(line: Json) -> str | None:
    """Return the item that a line is for; the line of a pack has no parent."""
    details = (line["parent"] or {}).get("subscription_item_details") or {}
    found: str | None = details.get("subscription_item")
    return found
