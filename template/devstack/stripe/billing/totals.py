"""Sums of an invoice: discounts and taxes of its lines, and what is left to pay."""

from devstack.stripe.account import Account
from devstack.stripe.billing.discounts import active, applies, share
from devstack.stripe.billing.taxes import tax_of
from devstack.stripe.store import Json


def set_totals(account: Account, invoice: Json, customer: Json) -> None:
    """Compute discounts, taxes and totals from the lines."""
    lines = invoice["lines"]
    off_by_discount = _discount(account, invoice)
    taxes = _tax(account, invoice, customer)
    subtotal = sum(line["amount"] for line in lines)
    off = sum(off_by_discount.values())
    extra = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    included = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "inclusive")
    total = subtotal - off + extra
    invoice |= {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - included,
        "total": total,
        "total_excluding_tax": total - extra - included,
        "total_discount_amounts": [
            {"amount": amount, "discount": each} for each, amount in off_by_discount.items()
        ],
        "total_taxes": taxes,
    }
    balance = 0 if invoice.get("_ignores_balance") else customer["balance"]
    set_due(invoice, balance if invoice["status"] == "draft" else None)


def set_due(invoice: Json, balance: int | None) -> None:
    """Compute what is due. A customer's balance below zero pays a part of it."""
    if balance is not None:
        invoice["starting_balance"] = balance
    due = max(0, invoice["total"] + invoice["starting_balance"])
    invoice["amount_due"] = due
    invoice["amount_remaining"] = due - invoice["amount_paid"]


def _discount(account: Account, invoice: Json) -> dict[str, int]:
    amounts: dict[str, int] = {}
    # What is left of each line after the discounts before.
    left = {line["id"]: line["amount"] for line in invoice["lines"]}
    for line in invoice["lines"]:
        line["discount_amounts"], line["pretax_credit_amounts"] = [], []
    for discount, coupon in active(account, invoice["discounts"], invoice["_discounts_at"]):
        lines = [
            line
            for line in invoice["lines"]
            if line["discountable"] and left[line["id"]] > 0 and applies(coupon, _product(line))
        ]
        shares = share([left[line["id"]] for line in lines], coupon)
        for line, amount in zip(lines, shares, strict=True):
            left[line["id"]] -= amount
            line["discount_amounts"].append({"amount": amount, "discount": discount["id"]})
            line["pretax_credit_amounts"].append(
                {"amount": amount, "discount": discount["id"], "type": "discount"}
            )
        amounts[discount["id"]] = sum(shares)
    return amounts


def _tax(account: Account, invoice: Json, customer: Json) -> list[Json]:
    sums: dict[tuple[str, str], Json] = {}
    for line in invoice["lines"]:
        off = sum(each["amount"] for each in line["discount_amounts"])
        behavior = _tax_behavior(account, line)
        tax = tax_of(account, customer, line["amount"] - off, behavior)
        line["taxes"] = [tax] if invoice["automatic_tax"]["enabled"] and tax else []
        for each in line["taxes"]:
            key = (each["tax_rate_details"]["tax_rate"], each["tax_behavior"])
            if key in sums:
                sums[key]["amount"] += each["amount"]
                sums[key]["taxable_amount"] += each["taxable_amount"]
            else:
                sums[key] = dict(each)
    return list(sums.values())


def _product(line: Json) -> str:
    return str(((line["pricing"] or {}).get("price_details") or {}).get("product"))


def _tax_behavior(account: Account, line: Json) -> str:
    price = account.store.get(((line["pricing"] or {}).get("price_details") or {}).get("price"))
    return "inclusive" if price and price["tax_behavior"] == "inclusive" else "exclusive"
