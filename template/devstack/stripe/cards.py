"""Stripe's test cards, and what happens to a payment with each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """One test card.

    Args:
        name: as in `pm_card_visa` and `tok_visa`.
        number: what a person types.
        title: what the pages show.
        decline: decline code of each payment; None if payments succeed.
        refused_at_once: whether the card cannot even be stored.
        off_session: decline code of payments without the customer.
        then: what follows a payment: `dispute`, `inquiry` or `warning`.
        refund_fails: whether refunds fail after some time.
    """

    name: str
    number: str
    title: str
    brand: str = "visa"
    decline: str | None = None
    refused_at_once: bool = False
    off_session: str | None = None
    then: str | None = None
    refund_fails: bool = False


CARDS = (
    Card("visa", "4242424242424242", "Visa, succeeds"),
    Card("mastercard", "5555555555554444", "Mastercard, succeeds", brand="mastercard"),
    Card(
        "chargeCustomerFail",
        "4000000000000341",
        "Can be stored, and each payment is declined",
        decline="generic_decline",
    ),
    Card(
        "authenticationRequired",
        "4000002760003184",
        "Succeeds here, and is declined at renewals",
        off_session="authentication_required",
    ),
    Card("createDispute", "4000000000000259", "Succeeds, then is disputed", then="dispute"),
    Card("createDisputeInquiry", "4000000000001976", "Succeeds, then inquiry", then="inquiry"),
    Card(
        "createIssuerFraudWarning",
        "4000000000005423",
        "Succeeds, then a fraud warning comes",
        then="warning",
    ),
    Card("refundFail", "4000000000005126", "Succeeds, but refunds fail", refund_fails=True),
    Card(
        "visa_chargeDeclined",
        "4000000000000002",
        "Declined",
        decline="generic_decline",
        refused_at_once=True,
    ),
    Card(
        "visa_chargeDeclinedInsufficientFunds",
        "4000000000009995",
        "Declined: insufficient funds",
        decline="insufficient_funds",
        refused_at_once=True,
    ),
    Card(
        "chargeDeclinedExpiredCard",
        "4000000000000069",
        "Declined: expired card",
        decline="expired_card",
        refused_at_once=True,
    ),
)
BY_NAME = {card.name: card for card in CARDS} | {
    # Other names of the same cards.
    f"chargeDeclined{reason}": card
    for reason in ("", "InsufficientFunds")
    for card in CARDS
    if card.name == f"visa_chargeDeclined{reason}"
}
BY_NUMBER = {card.number: card for card in CARDS}

MESSAGES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "authentication_required": (
        "Your card was declined. This transaction requires authentication."
    ),
}


def error_code(decline: str) -> str:
    """Return the code of the error for a decline code."""
    own = ("expired_card", "authentication_required")
    return decline if decline in own else "card_declined"
