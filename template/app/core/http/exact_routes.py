"""Routes found by one lookup: those without parameters, and those whose last part is one.

FastAPI asks router after router and route after route, with a regular expression for each, and asks
included routers twice. That takes longer than the verification of a token, and longer with every
feature.
"""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

# A path whose only parameter is its last part, and takes no slash: `/items/{item_id}`.
LAST = re.compile(r"([^{}]*/)\{\w+\}")


class ExactRoutes(BaseRoute):
    """Stands before all other routes, and serves those that one lookup finds.

    It leaves out a path that another route serves first, because FastAPI takes the first match.
    """

    def __init__(self, app: FastAPI) -> None:
        self._routes: dict[tuple[str, str], RouteContext] = {}
        self._parents: dict[tuple[str, str], RouteContext] = {}
        earlier: list[RouteContext] = []
        for route in iter_route_contexts(app.routes):
            path = route.path or ""
            found = LAST.fullmatch(path)
            for method in route.methods or ():
                if "{" not in path and not _served(earlier, method, path):
                    self._routes[method, path] = route
                elif found and not any(_overlaps(other, method, path) for other in earlier):
                    self._parents[method, found[1]] = route
            earlier.append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Find the route of a request; the other routes serve all further paths."""
        # A trace names the path of the route, which FastAPI takes from the route itself.
        if scope["type"] != "http" or "fastapi.telemetry" in scope:
            return Match.NONE, {}
        method, path = scope["method"], scope["path"].removeprefix(scope["root_path"])
        values: dict[str, Any] = {}
        route = self._routes.get((method, path))
        if route is None:
            route = self._parents.get((method, path[: path.rfind("/") + 1]))
            match, child = route.matches(scope) if route else (Match.NONE, {})
            values = child.get("path_params", {})
            if route is None or match is not Match.FULL:
                return Match.NONE, {}
        return Match.FULL, {
            "route": route.original_route,
            "endpoint": route.endpoint,
            "path_params": values,
            "exact": route,
        }

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Leave it to the routes themselves."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the route."""
        await scope["exact"].app(scope, receive, send)


def _served(routes: list[RouteContext], method: str, path: str) -> bool:
    scope = {"type": "http", "method": method, "path": path, "root_path": ""}
    return any(route.matches(scope)[0] is Match.FULL for route in routes)


def _overlaps(route: RouteContext, method: str, path: str) -> bool:
    """Whether a route with parameters, or a mount, may serve a path of this form."""
    other = route.path or ""
    if not route.methods or ":" in other:
        return path.startswith(other.partition("{")[0])
    parts, others = path.split("/"), other.split("/")
    return (
        method in route.methods
        and "{" in other
        and len(parts) == len(others)
        and all(a == b or "{" in a or "{" in b for a, b in zip(parts, others, strict=True))
    )
