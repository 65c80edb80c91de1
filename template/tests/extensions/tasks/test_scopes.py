"""The routes of this feature that accept keys. A new one is a decision."""

from tests.extensions.api_keys.accepted import accepted

ROUTES = {
    "GET /tasks": "tasks:read",
    "GET /tasks/{task_id}": "tasks:read",
    "GET /tasks/{task_id}/events": "tasks:read",
    "POST /tasks/{task_id}/cancel": "tasks:write",
}


def test_the_routes() -> None:
    assert accepted("tasks") == ROUTES
