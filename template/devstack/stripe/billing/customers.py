"""New customers."""

from typing import Any

from devstack.stripe.account import Account
from devstack.stripe.store import Json


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
