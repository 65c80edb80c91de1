"""The routes of this feature that accept keys. A new one is a decision."""

from tests.extensions.api_keys.accepted import accepted

ROUTES = {
    "GET /credits/balance": "credits:read",
    "GET /credits/transactions": "credits:read",
    "GET /credits/transactions.csv": "credits:read",
    "GET /credits/summary": "credits:read",
    "GET /credits/holds": "credits:read",
    "GET /credits/rates": "credits:read",
    "GET /credits/tiers": "credits:read",
}


def test_the_routes() -> None:
    assert accepted("credits") == ROUTES
