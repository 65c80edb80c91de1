"""Which routes of this feature accept a token with scopes."""

SCOPES = {
    "credits:read": (
        "read_balance",
        "list_transactions",
        "download_transactions",
        "read_summary",
        "list_holds",
        "list_rates",
        "list_tiers",
    ),
}
