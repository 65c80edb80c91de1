"""The routes of this feature that accept keys. A new one is a decision."""

from tests.extensions.api_keys.accepted import accepted

ROUTES = {
    "GET /users/me": "users:read",
}


def test_the_routes() -> None:
    assert accepted("users") == ROUTES
