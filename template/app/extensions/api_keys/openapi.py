"""Keys in the OpenAPI document: their security scheme, and the scope of each route."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

SCHEME = "ApiKey"


def describe(app: FastAPI, document: dict[str, Any]) -> None:
    """Add keys as another way to authorize the routes that have a scope."""
    document["components"]["securitySchemes"][SCHEME] = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "prefix_env_random_checksum",
        "description": "An API key, with the scope that the route names. A signed-in user creates "
        "it at `/api_keys`.",
    }
    for route in iter_route_contexts(app.routes):
        if (scope := app.state.scopes.get(route.endpoint)) and route.path in document["paths"]:
            for method in route.methods or ():
                operation = document["paths"][route.path][method.lower()]
                operation["security"].append({SCHEME: [scope]})
