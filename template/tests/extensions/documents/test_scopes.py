"""The routes of this feature that accept keys. A new one is a decision."""

from tests.extensions.api_keys.accepted import accepted

ROUTES = {
    "GET /documents": "documents:read",
    "GET /documents/{document_id}": "documents:read",
    "GET /documents/{document_id}/file": "documents:read",
    "POST /documents/search": "documents:read",
    "POST /documents/ask": "documents:read",
    "POST /documents": "documents:write",
    "POST /documents/direct": "documents:write",
    "POST /documents/{document_id}/complete": "documents:write",
    "POST /documents/{document_id}/retry": "documents:write",
    "POST /documents/{document_id}/cancel": "documents:write",
    "DELETE /documents/{document_id}": "documents:write",
}


def test_the_routes() -> None:
    assert accepted("documents") == ROUTES
