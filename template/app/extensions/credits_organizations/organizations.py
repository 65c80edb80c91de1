"""What organizations have of credits: an account with its ledger and its holds, see `credits`."""

from app.extensions.organizations.service.holdings import Holding

HOLDINGS = tuple(
    Holding(table, "user_id")
    for table in ("credits_accounts", "credits_transactions", "credits_holds")
)
