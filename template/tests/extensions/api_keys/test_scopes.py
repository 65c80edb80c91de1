"""Which routes accept keys: those that the OpenAPI document names, and no others."""

from uuid import UUID

from httpx import AsyncClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.extensions.api_keys.openapi import SCHEME
from app.main import app as api
from tests.extensions.api_keys.accepted import operations, scope_of
from tests.extensions.api_keys.conftest import MakeKey
from tests.support.people import Person


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
