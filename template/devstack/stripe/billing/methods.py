"""Cards of customers."""

from typing import Any

from devstack.stripe.account import Account
from devstack.stripe.cards import BY_NAME, MESSAGES, Card, error_code
from devstack.stripe.errors import StripeError, invalid
from devstack.stripe.store import Json

NO_DETAILS = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}
EXPIRY_YEAR = 2040


def declined(code: str, **more: Any) -> StripeError:
    """Return the error of a declined card. The changes before it stay."""
    return StripeError(
        402,
        MESSAGES[code],
        type="card_error",
        code=error_code(code),
        decline_code=code,
        keep=True,
        **more,
    )


def add_method(account: Account, card: Card, details: Json | None = None) -> Json:
    """Add a payment method that belongs to nobody yet."""
    return account.add(
        {
            "id": account.new_id("pm"),
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": details or dict(NO_DETAILS),
            "card": {
                "brand": card.brand,
                "checks": {
                    "address_line1_check": None,
                    "address_postal_code_check": None,
                    "cvc_check": "pass",
                },
                "country": "US",
                "display_brand": card.brand,
                "exp_month": 12,
                "exp_year": EXPIRY_YEAR,
                "fingerprint": f"local{card.number[-8:]}",
                "funding": "credit",
                "generated_from": None,
                "last4": card.number[-4:],
                "networks": {"available": [card.brand], "preferred": None},
                "regulated_status": "unregulated",
                "three_d_secure_usage": {"supported": True},
                "wallet": None,
            },
            "created": account.now(),
            "customer": None,
            "livemode": False,
            "metadata": {},
            "type": "card",
            "_card": card.name,
        }
    )


def method_of(account: Account, identity: str, param: str = "payment_method") -> Json:
    """Return a payment method. `pm_card_visa` and its like give a new one each time."""
    card = BY_NAME.get(identity.removeprefix("pm_card_"))
    if identity.startswith("pm_card_") and card is not None:
        return add_method(account, card)
    return account.find("payment_method", identity, param)


def card_of(method: Json) -> Card:
    """Return the test card of a payment method."""
    return BY_NAME[method["_card"]]


def attach(account: Account, method: Json, customer: Json) -> Json:
    """Attach a payment method to a customer.

    Raises:
        StripeError: the card is refused, or belongs to another customer.
    """
    if method["customer"] == customer["id"]:
        return method
    if method["customer"] is not None:
        raise invalid("The payment method you provided has already been attached to a customer.")
    card = card_of(method)
    if card.refused_at_once:
        raise declined(card.decline or "generic_decline")
    account.change(method, {"customer": customer["id"]})
    account.emit("payment_method.attached", method)
    return method


def detach(account: Account, method: Json) -> Json:
    """Detach a payment method, also where it is a default."""
    customer = account.store.get(method["customer"])
    account.change(method, {"customer": None})
    if customer is not None:
        settings = customer["invoice_settings"]
        if settings["default_payment_method"] == method["id"]:
            account.change(
                customer,
                {"invoice_settings": {**settings, "default_payment_method": None}},
                "customer.updated",
            )
    account.emit("payment_method.detached", method)
    return method


def default_method(account: Account, customer: Json, subscription: Json | None) -> Json | None:
    """Return the payment method for an invoice, or None if the customer has none."""
    choices = [subscription["default_payment_method"]] if subscription else []
    choices.append(customer["invoice_settings"]["default_payment_method"])
    for each in choices:
        found = account.store.get(each)
        if found is not None and found["customer"] == customer["id"]:
            return found
    return None
