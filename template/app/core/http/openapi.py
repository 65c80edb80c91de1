"""The OpenAPI document and its two pages, `/docs` (Swagger UI) and `/scalar`.

The scripts of the pages come from packages where they are installed (group `dev`), so that the
pages work offline. Otherwise they come from the public CDN of FastAPI and Scalar.
"""

import importlib.util
from itertools import chain
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from scalar_fastapi import AgentScalarConfig, get_scalar_api_reference
from starlette.staticfiles import StaticFiles

from app.core.auth.dependencies import BEARER, OPTIONAL_BEARER
from app.core.features import load
from app.core.http.problems import MEDIA_TYPE, Problem

ASSETS = "/docs/assets"

CDN = "https://cdn.jsdelivr.net"
SWAGGER_CDN = f"{CDN}/npm/swagger-ui-dist@5"
SCALAR_CDN = f"{CDN}/npm/@scalar/api-reference"

# Both pages need an inline script and inline styles. No other response allows scripts.
DOCS_POLICY = (
    f"default-src 'none'; connect-src 'self'; font-src 'self' data:; img-src 'self' data:; "
    f"script-src 'self' 'unsafe-inline' {CDN}; style-src 'self' 'unsafe-inline' {CDN}; "
    "worker-src blob:; frame-ancestors 'none'"
)


# Tags of the routes of core. The routes of a feature have the name of the feature as tag.
OPERATIONS = {"health": "Probes for load balancers and orchestrators."}


def describe_api(app: FastAPI, features: dict[str, str]) -> None:
    """Complete the OpenAPI document of `app`; `features` maps each tag to its description."""
    generate = app.openapi
    app.openapi_tags = [
        {"name": tag, "description": text} for tag, text in (features | OPERATIONS).items()
    ]

    def document() -> dict[str, Any]:
        # FastAPI generates the document once, and again after a route was added.
        document = generate()
        if "x-tagGroups" not in document:
            operations = (each for path in document["paths"].values() for each in path.values())
            used = {tag for each in operations for tag in each.get("tags", ())}
            # A feature may have routes for programs only, which are not in the document.
            document["tags"] = [tag for tag in document["tags"] if tag["name"] in used]
            # The groups of tags in the sidebar of `/scalar`.
            document["x-tagGroups"] = [
                {"name": "Features", "tags": [tag for tag in features if tag in used]},
                {"name": "Operations", "tags": list(OPERATIONS)},
            ]
            _describe_security(document)
            _describe_responses(document)
            for _, describe in load("openapi"):
                describe(app, document)
        return document

    app.openapi = document  # type: ignore[method-assign]


def add_docs(app: FastAPI) -> None:
    """Serve `/docs` and `/scalar`."""
    swagger = _mount_assets(app, "swagger", "fastapi_offline", "static") or SWAGGER_CDN
    scalar = _mount_assets(app, "scalar", "flask_openapi_scalar", "templates/scalar/js")
    swagger_page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=app.title,
        swagger_js_url=f"{swagger}/swagger-ui-bundle.js",
        swagger_css_url=f"{swagger}/swagger-ui.css",
        swagger_favicon_url="data:,",
        swagger_ui_parameters={"persistAuthorization": True, "filter": True},
    )
    scalar_page = get_scalar_api_reference(
        openapi_url="/openapi.json",
        title=app.title,
        scalar_js_url=f"{scalar}/scalar.standalone.js" if scalar else SCALAR_CDN,
        scalar_favicon_url="data:,",
        with_default_fonts=False,
        persist_auth=True,
        telemetry=False,
        show_developer_tools="never",
        agent=AgentScalarConfig(disabled=True),
        authentication={"preferredSecurityScheme": BEARER},
    )
    for path, page in (("/docs", swagger_page), ("/scalar", scalar_page)):
        _add_page(app, path, bytes(page.body))


def operation_id(route: APIRoute) -> str:
    """Name an operation for generated clients by tag and function, as in `items_list_items`."""
    tag = str(route.tags[0]) if route.tags else "api"
    return f"{tag}_{route.name}"


def _describe_security(document: dict[str, Any]) -> None:
    """Describe a token that may be absent with an empty alternative, which FastAPI cannot write."""
    schemes = document.get("components", {}).get("securitySchemes", {})
    if OPTIONAL_BEARER not in schemes:
        return
    schemes[BEARER] = schemes.pop(OPTIONAL_BEARER)
    for operation in chain.from_iterable(path.values() for path in document["paths"].values()):
        security = operation.get("security", [])
        if {OPTIONAL_BEARER: []} in security:
            security.remove({OPTIONAL_BEARER: []})
            if {BEARER: []} not in security:  # of another dependency, which requires the token
                security += [{}, {BEARER: []}]


def _describe_responses(document: dict[str, Any]) -> None:
    """Describe error responses as problems, instead of FastAPI's own 422.

    FastAPI's `responses` cannot do this: the model would get the media type `application/json`, and
    401 and 403 would be listed for public operations. For streams, FastAPI writes `itemSchema`,
    which is valid from OpenAPI 3.2 only.
    """
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs"))
    schemas["Problem"] = schema
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operation in chain.from_iterable(path.values() for path in document["paths"].values()):
        responses = operation["responses"]
        if "422" in responses:
            responses["422"] = {"description": "Wrong or unknown values", "content": content}
        if operation.get("security"):
            responses["401"] = {"description": "No token, or an invalid one", "content": content}
            responses["403"] = {"description": "Not allowed", "content": content}
        responses["default"] = {"description": "Any other error", "content": content}
        for each in responses.get("200", {}).get("content", {}).values():
            if "itemSchema" in each:
                each["schema"] = each.pop("itemSchema")


def _mount_assets(app: FastAPI, name: str, package: str, folder: str) -> str | None:
    """Serve a folder of a package, if it is installed, and return the URL path."""
    spec = importlib.util.find_spec(package)
    directory = Path(spec.origin).parent / folder if spec and spec.origin else None
    if directory is None or not directory.is_dir():
        return None
    app.mount(f"{ASSETS}/{name}", StaticFiles(directory=directory))
    return f"{ASSETS}/{name}"


def _add_page(app: FastAPI, path: str, html: bytes) -> None:
    async def page() -> HTMLResponse:
        return HTMLResponse(html, headers={"Content-Security-Policy": DOCS_POLICY})

    app.add_api_route(path, page, include_in_schema=False)
