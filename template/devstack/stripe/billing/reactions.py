"""What follows a charge with certain test cards: a dispute, a warning, a refund that fails."""

from devstack.stripe.account import Account
from devstack.stripe.billing.balance import DISPUTE_FEE, add_transaction
from devstack.stripe.store import Json

DAY = 86400
RESPONSE_DAYS = 7
EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)


def dispute(account: Account, charge: Json, *, inquiry: bool = False) -> Json:
    """Add a dispute. Unless it is an inquiry, the money is withdrawn."""
    now = account.now(account.clock_of(charge))
    amount = charge["amount"] - charge["amount_refunded"]
    found = account.add(
        {
            "id": account.new_id("du"),
            "object": "dispute",
            "amount": amount,
            "balance_transactions": [],
            "charge": charge["id"],
            "created": now,
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
            "evidence_details": {
                "due_by": now + RESPONSE_DAYS * DAY,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
                "submission_method": "not_submitted",
            },
            "is_charge_refundable": inquiry,
            "livemode": False,
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "payment_method_details": {
                "card": {
                    "brand": charge["payment_method_details"]["card"]["brand"],
                    "case_type": "inquiry" if inquiry else "chargeback",
                    "network": charge["payment_method_details"]["card"]["brand"],
                    "network_reason_code": "83",
                },
                "type": "card",
            },
            "reason": "fraudulent",
            "status": "warning_needs_response" if inquiry else "needs_response",
        }
    )
    account.change(charge, {"disputed": True}, "charge.updated")
    account.emit("charge.dispute.created", found)
    if not inquiry:
        _move(account, found, -amount, DISPUTE_FEE)
        account.emit("charge.dispute.funds_withdrawn", found)
    return found


def close_dispute(account: Account, found: Json, *, won: bool) -> Json:
    """Decide a dispute. A won one gives the money back."""
    warning = found["status"].startswith("warning")
    state = "warning_closed" if warning else "won" if won else "lost"
    account.change(found, {"status": state})
    if state == "won":
        _move(account, found, found["amount"], 0)
        account.emit("charge.dispute.funds_reinstated", found)
    account.emit("charge.dispute.closed", found)
    return found


def warn_of_fraud(account: Account, charge: Json) -> Json:
    """Add the warning of a card's issuer."""
    return account.add(
        {
            "id": account.new_id("issfr"),
            "object": "radar.early_fraud_warning",
            "actionable": True,
            "charge": charge["id"],
            "created": account.now(account.clock_of(charge)),
            "fraud_type": "made_with_stolen_card",
            "livemode": False,
            "payment_intent": charge["payment_intent"],
        },
        "radar.early_fraud_warning.created",
    )


def fail_refund(account: Account, refund: Json) -> None:
    """Let a refund fail, so that the charge is no longer refunded."""
    charge = account.find("charge", refund["charge"])
    account.change(refund, {"_fails_at": None})
    tell = account.watched(refund, "refund.updated")
    account.change(
        refund,
        {
            "failure_balance_transaction": add_transaction(
                account, refund, "refund_failure", refund["amount"], 0
            ),
            "failure_reason": "unknown",
            "status": "failed",
        },
    )
    left = charge["amount_refunded"] - refund["amount"]
    account.change(charge, {"amount_refunded": left, "refunded": False}, "charge.updated")
    tell()
    account.emit("refund.failed", refund)


def _inquiry(account: Account, charge: Json) -> Json:
    return dispute(account, charge, inquiry=True)


def _move(account: Account, found: Json, amount: int, fee: int) -> None:
    added = add_transaction(account, found, "adjustment", amount, fee)
    account.change(
        found,
        {"balance_transactions": [*found["balance_transactions"], account.store.get(added)]},
    )


REACTIONS = {"dispute": dispute, "inquiry": _inquiry, "warning": warn_of_fraud}
