"""Automatic tax, in a simple form: one standard rate per country, by the customer's address."""

from devstack.stripe.account import Account
from devstack.stripe.store import Json

# Percent. Other countries have no tax here. Real rates and rules are Stripe's and change.
RATES: dict[str, float] = {
    "AT": 20,
    "BE": 21,
    "DE": 19,
    "ES": 21,
    "FR": 20,
    "IE": 23,
    "IT": 22,
    "NL": 21,
    "PL": 23,
}
RATES |= {"AU": 10, "CH": 8.1, "GB": 20, "NO": 25, "SE": 25}


def country_of(customer: Json) -> str | None:
    """Return the country of a customer, if the address has one."""
    country: str | None = (customer["address"] or {}).get("country")
    return country


def is_located(customer: Json) -> bool:
    """Return whether a tax can be computed."""
    return country_of(customer) is not None


def tax_of(account: Account, customer: Json, amount: int, behavior: str) -> Json | None:
    """Return the tax on an amount, or None if the country has none.

    Args:
        behavior: `exclusive` adds the tax to the amount, `inclusive` takes it out of it.
    """
    percent = RATES.get(country_of(customer) or "")
    if percent is None:
        return None
    reason = "standard_rated"
    if customer["tax_exempt"] == "exempt":
        reason = "customer_exempt"
    elif customer["tax_exempt"] == "reverse" or account.where(
        "tax_id", customer=customer["id"], type="eu_vat"
    ):
        reason = "reverse_charge"
    if reason != "standard_rated":
        tax, taxable = 0, amount
    elif behavior == "inclusive":
        tax = round(amount * percent / (100 + percent))
        taxable = amount - tax
    else:
        tax, taxable = round(amount * percent / 100), amount
    return {
        "amount": tax,
        "tax_behavior": behavior,
        "tax_rate_details": {"tax_rate": f"txr_local_{country_of(customer)}"},
        "taxability_reason": reason,
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }
