"""Routes without parameters in the path, found by one lookup.

FastAPI asks router after router and route after route, with a regular expression for each, and asks
included routers twice. That takes longer than the verification of a token, and longer with every
feature.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send


class ExactRoutes(BaseRoute):
    """Stands before all other routes, and serves those whose whole path is known.

    It leaves out a path that another route serves first, because FastAPI takes the first match.
    """

    def __init__(self, app: FastAPI) -> None:
        self._routes: dict[tuple[str, str], RouteContext] = {}
        earlier: list[RouteContext] = []
        for route in iter_route_contexts(app.routes):
            path = route.path or ""
            for method in (route.methods or ()) if "{" not in path else ():
                scope = {"type": "http", "method": method, "path": path, "root_path": ""}
                if not any(other.matches(scope)[0] is Match.FULL for other in earlier):
                    self._routes[method, path] = route
            earlier.append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Find the route of a request; paths with parameters are left to the other routes."""
        route = None
        # A trace names the path of the route, which FastAPI takes from the route itself.
        if scope["type"] == "http" and "fastapi.telemetry" not in scope:
            route = self._routes.get(
                (scope["method"], scope["path"].removeprefix(scope["root_path"]))
            )
        if route is None:
            return Match.NONE, {}
        return Match.FULL, {
            "route": route.original_route,
            "endpoint": route.endpoint,
            "path_params": {},
            "exact": route,
        }

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Leave it to the routes themselves."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the route."""
        await scope["exact"].app(scope, receive, send)
