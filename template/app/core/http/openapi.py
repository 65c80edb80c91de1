"""The OpenAPI document and its two pages, `/docs` (Swagger UI) and `/scalar`.

The pages' scripts come from wheels where those are installed (the `dev` group), so that they work
without a network; elsewhere from the public CDN that FastAPI and Scalar name.
"""

import importlib.util
from enum import StrEnum
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from scalar_fastapi import AgentScalarConfig, get_scalar_api_reference
from starlette.staticfiles import StaticFiles

from app.core.auth.dependencies import BEARER
from app.core.http.problems import MEDIA_TYPE, Problem

ASSETS = "/docs/assets"

CDN = "https://cdn.jsdelivr.net"
SWAGGER_CDN = f"{CDN}/npm/swagger-ui-dist@5"
SCALAR_CDN = f"{CDN}/npm/@scalar/api-reference"

# Both pages run an inline script and draw with inline styles; nothing else of the API does.
DOCS_POLICY = (
    f"default-src 'none'; connect-src 'self'; font-src 'self' data:; img-src 'self' data:; "
    f"script-src 'self' 'unsafe-inline' {CDN}; style-src 'self' 'unsafe-inline' {CDN}; "
    "worker-src blob:; frame-ancestors 'none'"
)


class Tag(StrEnum):
    """Tags of the machinery's own routes; a feature's routes carry the feature's name."""

    HEALTH = "health"


class TagGroup(StrEnum):
    """Groups of tags in the sidebar of `/scalar`."""

    FEATURES = "Features"
    OPERATIONS = "Operations"


DESCRIPTIONS = {Tag.HEALTH: "Probes for load balancers and orchestrators."}


def describe_api(app: FastAPI, features: dict[str, str]) -> None:
    """Give `app` its OpenAPI document; `features` maps each tag to a sentence about it."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, features)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def add_docs(app: FastAPI) -> None:
    """Serve `/docs` and `/scalar`."""
    swagger = _asset_folder("fastapi_offline", "static")
    scalar = _asset_folder("flask_openapi_scalar", "templates/scalar/js")
    for name, folder in (("swagger", swagger), ("scalar", scalar)):
        if folder:
            app.mount(f"{ASSETS}/{name}", StaticFiles(directory=folder))
    swagger_base = f"{ASSETS}/swagger" if swagger else SWAGGER_CDN
    scalar_script = f"{ASSETS}/scalar/scalar.standalone.js" if scalar else SCALAR_CDN

    async def swagger_page() -> HTMLResponse:
        return _page(
            get_swagger_ui_html(
                openapi_url="/openapi.json",
                title=app.title,
                swagger_js_url=f"{swagger_base}/swagger-ui-bundle.js",
                swagger_css_url=f"{swagger_base}/swagger-ui.css",
                swagger_favicon_url="data:,",
                swagger_ui_parameters={"persistAuthorization": True, "filter": True},
            )
        )

    async def scalar_page() -> HTMLResponse:
        return _page(
            get_scalar_api_reference(
                openapi_url="/openapi.json",
                title=app.title,
                scalar_js_url=scalar_script,
                scalar_favicon_url="data:,",
                with_default_fonts=False,
                persist_auth=True,
                telemetry=False,
                show_developer_tools="never",
                agent=AgentScalarConfig(disabled=True),
                authentication={"preferredSecurityScheme": BEARER},
            )
        )

    app.add_api_route("/docs", swagger_page, include_in_schema=False)
    app.add_api_route("/scalar", scalar_page, include_in_schema=False)


def operation_id(route: APIRoute) -> str:
    """Name of an operation for generated clients: the tag and the function, `items_list_items`."""
    tag = str(route.tags[0]) if route.tags else "api"
    return f"{tag}_{route.name}"


def _document(app: FastAPI, features: dict[str, str]) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=[
            {"name": name, "description": text}
            for name, text in (features | {str(k): v for k, v in DESCRIPTIONS.items()}).items()
        ],
    )
    document["x-tagGroups"] = [
        {"name": TagGroup.FEATURES, "tags": list(features)},
        {"name": TagGroup.OPERATIONS, "tags": [str(tag) for tag in Tag]},
    ]
    _describe_errors(document)
    _describe_streams(document)
    return document


def _describe_streams(document: dict[str, Any]) -> None:
    """Describe each server-sent event where OpenAPI before 3.2 has it: FastAPI writes as in 3.2."""
    operations = (operation for path in document["paths"].values() for operation in path.values())
    for operation in operations:
        content = operation["responses"].get("200", {}).get("content", {})
        if "itemSchema" in (stream := content.get("text/event-stream", {})):
            stream["schema"] = stream.pop("itemSchema")


def _describe_errors(document: dict[str, Any]) -> None:
    """Replace FastAPI's own 422 by our one shape, and name the errors any operation may answer."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    schemas["Problem"] = schema
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in document.get("paths", {}).values():
        for operation in path.values():
            responses = operation["responses"]
            if "422" in responses:
                responses["422"] = {"description": "Wrong or unknown values", "content": content}
            if operation.get("security"):
                responses["401"] = {"description": "No token, or a bad one", "content": content}
                responses["403"] = {"description": "Not allowed", "content": content}
            responses["default"] = {"description": "Any other error", "content": content}


def _asset_folder(package: str, folder: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / folder
    return path if path.is_dir() else None


def _page(page: HTMLResponse) -> HTMLResponse:
    page.headers["Content-Security-Policy"] = DOCS_POLICY
    return page
