"""Which routes accept keys: those that the OpenAPI document names, and no others."""

from typing import Any
from uuid import UUID

from httpx import AsyncClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.core.features import installed
from app.extensions.api_keys.openapi import SCHEME
from app.main import app as api
from tests.extensions.api_keys.conftest import MakeKey
from tests.support.people import Person

# The routes of the template's features, without the path of the API. A new one is a decision.
ACCEPTED = {
    "GET /users/me": "users:read",
    "GET /tasks": "tasks:read",
    "GET /tasks/{task_id}": "tasks:read",
    "GET /tasks/{task_id}/events": "tasks:read",
    "POST /tasks/{task_id}/cancel": "tasks:write",
    "GET /credits/balance": "credits:read",
    "GET /credits/transactions": "credits:read",
    "GET /credits/transactions.csv": "credits:read",
    "GET /credits/summary": "credits:read",
    "GET /credits/holds": "credits:read",
    "GET /credits/rates": "credits:read",
    "GET /credits/tiers": "credits:read",
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


def operations() -> dict[str, dict[str, Any]]:
    """Every operation by `METHOD path`."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in api.openapi()["paths"].items()
        for method, operation in methods.items()
    }


def scope_of(operation: dict[str, Any]) -> str | None:
    """The scope of an operation that accepts keys."""
    for each in operation.get("security", []):
        if SCHEME in each:
            (scope,) = each[SCHEME]
            return str(scope)
    return None


def test_the_routes_of_the_template_that_accept_keys() -> None:
    own = {feature.name for feature in installed() if feature.package.startswith("app.extensions")}
    expected = {path: scope for path, scope in ACCEPTED.items() if path.split("/")[1] in own}
    found = {
        path.replace("/api/v1", ""): scope
        for path, operation in operations().items()
        if (scope := scope_of(operation)) and scope.partition(":")[0] in own
    }
    assert found == expected


def test_the_document_describes_keys() -> None:
    document = api.openapi()
    scheme = document["components"]["securitySchemes"][SCHEME]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    (by_token, by_key) = operations()["GET /api/v1/users/me"]["security"]
    assert SCHEME not in by_token
    assert by_key == {SCHEME: ["users:read"]}


async def test_every_other_route_refuses_a_key_with_all_scopes(
    client: AsyncClient, ada: Person, make_key: MakeKey
) -> None:
    """Also the routes of the team's features."""
    key = await make_key(ada)
    for name, operation in operations().items():
        method, _, path = name.partition(" ")
        if not operation.get("security"):
            continue
        for part in path.split("/"):
            if part.startswith("{"):
                path = path.replace(part, str(UUID(int=0)))
        answer = await client.request(method, path, headers=key.headers)
        refused = answer.headers["content-type"] == "application/problem+json" and answer.json()[
            "code"
        ] in ("scoped_token_refused", "scope_required")
        assert refused is (scope_of(operation) is None), (name, answer.text)
