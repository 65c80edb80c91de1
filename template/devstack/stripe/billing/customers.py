"""New customers, and their tax ids."""

from typing import Any

from devstack.stripe.account import Account
from devstack.stripe.errors import StripeError
from devstack.stripe.store import Json

ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
SHORTEST_TAX_ID = 4


def new_customer(account: Account, *, clock: str | None = None, **fields: Any) -> Json:
    """Add a customer. The caller emits the event when the customer is complete."""
    return account.store.add(
        {
            "id": account.new_id("cus", 14),
            "object": "customer",
            "address": None,
            "balance": 0,
            "created": account.now(clock),
            "currency": None,
            "default_source": None,
            "delinquent": False,
            "description": None,
            "discount": None,
            "email": None,
            "invoice_prefix": account.new_token(8).upper(),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "livemode": False,
            "metadata": {},
            "name": None,
            "next_invoice_sequence": 1,
            "phone": None,
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": clock,
            **fields,
        }
    )


def add_tax_id(account: Account, customer: Json, kind: str, value: str) -> Json:
    """Add a tax id to a customer.

    Raises:
        StripeError: the value cannot be one.
    """
    if len(value) < SHORTEST_TAX_ID:
        raise StripeError(400, f"Invalid value for {kind}.", code="tax_id_invalid", param="value")
    return account.add(
        {
            "id": account.new_id("txi"),
            "object": "tax_id",
            "country": value[:2].upper() if kind == "eu_vat" else kind[:2].upper(),
            "created": account.now(customer["test_clock"]),
            "customer": customer["id"],
            "livemode": False,
            "owner": {"customer": customer["id"], "type": "customer"},
            "type": kind,
            "value": value,
            "verification": {
                "status": "pending",
                "verified_address": None,
                "verified_name": None,
            },
        },
        "customer.tax_id.created",
    )
