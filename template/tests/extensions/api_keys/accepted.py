"""The routes that accept keys, by the OpenAPI document."""

from typing import Any

from app.core.settings import get_settings
from app.extensions.api_keys.openapi import SCHEME
from app.main import app as api


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


def accepted(feature: str) -> dict[str, str]:
    """The scope of each route of a feature that accepts keys, by method and path."""
    prefix = get_settings().api_prefix
    return {
        name.replace(prefix, ""): scope
        for name, operation in operations().items()
        if feature in operation["tags"] and (scope := scope_of(operation))
    }
