"""Balance transactions: what a payment, refund or dispute moves on the account."""

from devstack.stripe.account import Account
from devstack.stripe.store import Json

FEE_PERCENT, FEE_FIXED = 2.9, 30
DISPUTE_FEE = 1500
AVAILABLE_AFTER = 2 * 86400


def add_transaction(
    account: Account, source: Json, kind: str, amount: int, fee: int | None = None
) -> str:
    """Add a balance transaction, and return its id. By default it has the fee of a payment."""
    if fee is None:
        fee = round(amount * FEE_PERCENT / 100) + FEE_FIXED if amount > 0 else 0
    now = account.now(account.clock_of(source))
    details = {"application": None, "currency": source["currency"], "type": "stripe_fee"}
    added = account.add(
        {
            "id": account.new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": now + AVAILABLE_AFTER,
            "balance_type": "payments",
            "created": now,
            "currency": source["currency"],
            "description": None,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [{**details, "amount": fee, "description": "Stripe processing fees"}]
            if fee
            else [],
            "net": amount - fee,
            "reporting_category": kind,
            "source": source["id"],
            "status": "pending",
            "type": kind,
        }
    )
    return str(added["id"])
