"""The routes of this feature that accept keys. A new one is a decision."""

from tests.extensions.api_keys.accepted import accepted

ROUTES = {
    "GET /organizations/{organization}": "organizations:read",
    "GET /organizations/{organization}/members": "organizations:read",
}


def test_the_routes() -> None:
    assert accepted("organizations") == ROUTES
