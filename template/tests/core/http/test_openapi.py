"""The OpenAPI document and the two pages that show it."""

import re
from typing import Any

import pytest
from httpx import AsyncClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.core.auth.dependencies import BEARER, OPTIONAL_BEARER, OptionalClaims
from app.core.features import load
from app.core.http.problems import MEDIA_TYPE
from app.extensions.users.deps import CurrentUser
from app.main import app as api
from tests.core.conftest import Build, ClientOf

PAGES = ["/docs", "/scalar"]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return api.openapi()


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every operation by `METHOD path`."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    errors = OpenAPIV31SpecValidator(document).iter_errors()
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_operation_ids_are_unique_identifiers(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
    assert "users_read_me" in names


def test_every_operation_has_summary_and_description(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        assert operation["summary"], name
        assert operation["description"], name


def test_tags_are_described_and_grouped(document: dict[str, Any]) -> None:
    described = {tag["name"]: tag["description"] for tag in document["tags"]}
    used = {tag for operation in operations(document).values() for tag in operation["tags"]}
    groups = {group["name"]: group["tags"] for group in document["x-tagGroups"]}
    features = [feature.name for feature, _ in load("routes") if feature.name in used]
    assert groups == {"Features": features, "Operations": ["health"]}
    assert used == set(described) == {*features, "health"}
    assert all(described.values())


def test_every_error_response_is_a_problem(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert {"type", "title", "status", "detail", "code"} <= schemas["Problem"]["properties"].keys()
    assert not {"HTTPValidationError", "ValidationError"} & schemas.keys()
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for name, operation in operations(document).items():
        errors = {
            status: answer["content"]
            for status, answer in operation["responses"].items()
            # The only error response with another body.
            if not status.startswith("2") and (name, status) != ("GET /health/ready", "503")
        }
        assert all(content == problem for content in errors.values()), name
        assert "default" in errors, name
        if operation.get("security"):
            assert {"401", "403"} <= errors.keys(), name


def test_health_checks_are_public_and_users_are_not(document: dict[str, Any]) -> None:
    public = {name for name, o in operations(document).items() if not o.get("security")}
    assert {"GET /health/live", "GET /health/ready"} <= public
    assert not any("/users" in name or "/tasks" in name for name in public)


def test_a_token_is_required_optional_or_unknown(build: Build) -> None:
    app = build()

    @app.get("/optional")
    def optional(claims: OptionalClaims) -> bool:
        return claims is not None

    @app.get("/required")
    def required(claims: OptionalClaims, user: CurrentUser) -> bool:
        return claims is not None and user.is_admin

    @app.get("/public")
    def public() -> bool:
        return True

    document = app.openapi()
    paths = ("/optional", "/required", "/public")
    security = [document["paths"][path]["get"].get("security") for path in paths]
    assert security == [[{}, {BEARER: []}], [{BEARER: []}], None]
    assert BEARER in document["components"]["securitySchemes"]
    assert OPTIONAL_BEARER not in document["components"]["securitySchemes"]


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_works_offline(client: AsyncClient, page: str) -> None:
    answer = await client.get(page)
    assert answer.status_code == 200
    assert "/openapi.json" in answer.text
    sources = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert any(source.endswith(".js") for source in sources)
    for source in sources:
        assert source.startswith(("/", "data:")), source
        if source.startswith("/"):
            asset = await client.get(source)
            assert asset.status_code == 200
            kind = "javascript" if source.endswith(".js") else "css"
            assert kind in asset.headers["content-type"]
            assert len(asset.content) > 10_000


@pytest.mark.parametrize("page", PAGES)
async def test_only_the_pages_allow_scripts(client: AsyncClient, page: str) -> None:
    (policy,) = (await client.get(page)).headers.get_list("content-security-policy")
    assert "default-src 'none'" in policy
    assert "script-src 'self' 'unsafe-inline'" in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    document = await client.get("/openapi.json")
    assert document.status_code == 200
    assert "script-src" not in document.headers["content-security-policy"]


async def test_docs_can_be_switched_off(build: Build, client_of: ClientOf) -> None:
    async with client_of(build(DOCS_ENABLED="false")) as client:
        for path in (*PAGES, "/openapi.json", "/docs/assets/swagger/swagger-ui.css"):
            assert (await client.get(path)).status_code == 404, path
