"""Payment intents and charges."""

from typing import Any

from devstack.stripe.account import Account
from devstack.stripe.billing.balance import add_transaction
from devstack.stripe.billing.methods import card_of, declined
from devstack.stripe.cards import MESSAGES, error_code
from devstack.stripe.errors import StripeError
from devstack.stripe.store import Json


def create_intent(
    account: Account, *, amount: int, currency: str, customer: Json | None, **fields: Any
) -> Json:
    """Add a payment intent that has no payment method yet."""
    identity = account.new_id("pi")
    clock = customer["test_clock"] if customer else None
    return account.add(
        {
            "id": identity,
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "application": None,
            "application_fee_amount": None,
            "automatic_payment_methods": None,
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": "automatic",
            "client_secret": f"{identity}_secret_{account.new_token(24)}",
            "confirmation_method": "automatic",
            "created": account.now(clock),
            "currency": currency,
            "customer": customer["id"] if customer else None,
            "description": None,
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": {},
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": None,
            "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
            "payment_method_types": ["card"],
            "processing": None,
            "receipt_email": None,
            "review": None,
            "setup_future_usage": None,
            "shipping": None,
            "source": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": None,
            "status": "requires_payment_method",
            "transfer_data": None,
            "transfer_group": None,
            **fields,
        },
        "payment_intent.created",
    )


def confirm_intent(account: Account, intent: Json, method: Json, *, off_session: bool) -> Json:
    """Charge a card, and return the charge.

    Raises:
        StripeError: the card is declined. Intent, charge and events stay.
    """
    if intent["status"] in ("succeeded", "canceled"):
        raise StripeError(
            400,
            f"This PaymentIntent's status is {intent['status']}, so it cannot be confirmed.",
            code="payment_intent_unexpected_state",
            payment_intent=dict(intent),
        )
    card = card_of(method)
    decline = card.decline or (card.off_session if off_session else None)
    charge = _add_charge(account, intent, method, decline)
    if decline is not None:
        error = {
            "charge": charge["id"],
            "code": error_code(decline),
            "decline_code": decline,
            "doc_url": f"https://docs.stripe.com/error-codes/{error_code(decline)}",
            "message": MESSAGES[decline],
            "payment_method": {k: v for k, v in method.items() if k[:1] != "_"},
            "type": "card_error",
        }
        account.change(
            intent,
            {
                "last_payment_error": error,
                "latest_charge": charge["id"],
                "payment_method": None,
                "status": "requires_payment_method",
            },
        )
        account.emit("charge.failed", charge)
        account.emit("payment_intent.payment_failed", intent)
        shown = {key: value for key, value in intent.items() if key[:1] != "_"}
        raise declined(decline, charge=charge["id"], payment_intent=shown)
    account.change(
        intent,
        {
            "amount_received": intent["amount"],
            "last_payment_error": None,
            "latest_charge": charge["id"],
            "payment_method": method["id"],
            "status": "succeeded",
        },
    )
    account.emit("charge.succeeded", charge)
    account.emit("payment_intent.succeeded", intent)
    if card.then:
        account.follow_up(card.then, charge)
    return charge


def cancel_intent(account: Account, intent: Json, reason: str | None) -> Json:
    """Cancel a payment intent that is not paid."""
    if intent["status"] in ("succeeded", "canceled"):
        raise StripeError(
            400,
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    now = account.now(account.clock_of(intent))
    account.change(
        intent, {"status": "canceled", "canceled_at": now, "cancellation_reason": reason}
    )
    account.emit("payment_intent.canceled", intent)
    return intent


def _add_charge(account: Account, intent: Json, method: Json, decline: str | None) -> Json:
    identity = account.new_id("ch")
    card = method["card"]
    paid = decline is None
    charge = account.add(
        {
            "id": identity,
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": intent["amount"] if paid else 0,
            "amount_refunded": 0,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": None,
            "billing_details": dict(method["billing_details"]),
            "calculated_statement_descriptor": "LOCAL STRIPE",
            "captured": paid,
            "created": account.now(account.clock_of(intent)),
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": None if decline is None else error_code(decline),
            "failure_message": None if decline is None else MESSAGES[decline],
            "fraud_details": {},
            "livemode": False,
            "metadata": dict(intent["metadata"]),
            "on_behalf_of": None,
            "outcome": _outcome(decline),
            "paid": paid,
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": {
                "card": {
                    "amount_authorized": intent["amount"] if paid else None,
                    "authorization_code": None,
                    **{name: card[name] for name in ("brand", "checks", "country", "exp_month")},
                    **{name: card[name] for name in ("exp_year", "fingerprint", "funding")},
                    "installments": None,
                    "last4": card["last4"],
                    "mandate": None,
                    "network": card["brand"],
                    "network_token": {"used": False},
                    "network_transaction_id": None,
                    "regulated_status": card["regulated_status"],
                    "three_d_secure": None,
                    "wallet": None,
                },
                "type": "card",
            },
            "radar_options": {},
            "receipt_email": intent["receipt_email"],
            "receipt_number": None,
            "receipt_url": None,
            "refunded": False,
            "review": None,
            "shipping": None,
            "source": None,
            "source_transfer": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": None,
            "status": "succeeded" if paid else "failed",
            "transfer_data": None,
            "transfer_group": None,
        }
    )
    if paid:
        charge["balance_transaction"] = add_transaction(account, charge, "charge", intent["amount"])
    return charge


def _outcome(decline: str | None) -> Json:
    return {
        "advice_code": None if decline is None else "try_again_later",
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network" if decline is None else "declined_by_network",
        "reason": decline,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "Payment complete."
        if decline is None
        else "The bank did not return any further details with this decline.",
        "type": "authorized" if decline is None else "issuer_declined",
    }
