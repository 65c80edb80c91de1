"""Personal data in the tables of credits: what somebody has written about an entry."""

from app.core.personal_data import Rows, Rule

WRITTEN = {
    "reason": Rule.TEXT,
    "reference": Rule.EMPTY,
    "idempotency_key": Rule.EMPTY,
}

TABLES = {
    "credits_tiers": Rows(keep=["name", "allocation", "rollover", "daily_charges"]),
    "credits_accounts": Rows(
        keep=[
            "tier",
            "balance",
            "held",
            "allowance",
            "entries",
            "allocated_month",
            "charges_day",
            "charges_today",
        ]
    ),
    "credits_transactions": Rows(
        {**WRITTEN, "details": Rule.EMPTY},
        keep=["position", "kind", "amount", "balance_after", "operation"],
    ),
    "credits_holds": Rows(
        {**WRITTEN, "fingerprint": Rule.EMPTY},
        keep=["amount", "used", "state", "operation", "unfinished"],
    ),
    "credits_rates": Rows(keep=["operation", "tier", "fixed", "per_unit", "unfinished"]),
}
