"""Scopes: what a token may do that does not stand for a whole person.

A feature that issues tokens, see `tokens.py` in `app.core.features`, limits one by `Claims.scopes`.
A route accepts such a token if the token has the scope of the route. The feature of the route
declares it in its `scopes.py`:

    SCOPES = {"orders:read": ("list_orders", "read_order")}  # by the functions of the routes

A route without a scope refuses the token, so a new route is closed until its feature opens it.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import Request
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from app.core.errors import ForbiddenError
from app.core.features import FeatureError, load, owner_of


def known_scopes() -> list[str]:
    """Return the scopes of all features, sorted."""
    return sorted(scope for _, scopes in load("scopes") for scope in scopes)


def scopes_of(routes: Sequence[BaseRoute]) -> dict[Callable[..., Any], str]:
    """Return the scope of each route that has one, by its function.

    Raises:
        FeatureError: a `scopes.py` has a scope of another feature, gives a function two scopes, or
            names one that is not the function of a route.
    """
    declared = _declared()
    found: dict[Callable[..., Any], str] = {}
    unused = set(declared)
    for route in iter_route_contexts(routes):
        if route.endpoint is not None:
            key = (owner_of(route.endpoint.__module__) or "", route.endpoint.__name__)
            if key in declared:
                found[route.endpoint] = declared[key]
                unused.discard(key)
    if unused:
        names = ", ".join(sorted(f"{function} of '{name}'" for name, function in unused))
        raise FeatureError(f"scopes.py names {names}, which is not a function of a route")
    return found


def require_scope(request: Request, granted: frozenset[str]) -> None:
    """Let a request with a limited token pass.

    Raises:
        ForbiddenError: `scoped_token_refused` if the route has no scope, `scope_required` if the
            token does not have it.
    """
    scope: str | None = request.app.state.scopes.get(request.scope["endpoint"])
    if scope is None:
        raise ForbiddenError(
            "Only people who signed in may do this, and no token that is limited to scopes.",
            code="scoped_token_refused",
        )
    if scope not in granted:
        raise ForbiddenError(
            f"This requires the scope {scope}.", code="scope_required", scope=scope
        )


def _declared() -> dict[tuple[str, str], str]:
    """Return the scope of each `(feature, function)`."""
    declared: dict[tuple[str, str], str] = {}
    for feature, scopes in load("scopes"):
        for scope, functions in scopes.items():
            if not re.fullmatch(rf"{feature.name}:[a-z][a-z_]*", scope):
                raise FeatureError(
                    f"scopes.py of '{feature.name}' has the scope {scope!r}; write it like "
                    f"{feature.name}:read."
                )
            for function in functions:
                if (feature.name, function) in declared:
                    raise FeatureError(
                        f"scopes.py of '{feature.name}' gives {function} more than one scope"
                    )
                declared[feature.name, function] = scope
    return declared
