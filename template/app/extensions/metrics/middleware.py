"""Measures every request, by its route."""

import time
from collections.abc import Sequence

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.settings import load_settings
from app.extensions.metrics.recorder import REQUESTS, recorder
from app.extensions.metrics.settings import MetricsSettings

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "none"  # a path that does not exist: such paths have no limit


class Middleware:
    """Counts requests and their time by method, route and status."""

    exposed_headers = ()

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.enabled = load_settings(MetricsSettings).token is not None
        self._paths: dict[int, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if not self.enabled or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def send_and_look(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_look)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "OTHER"
            labels = (method, self._route(scope), str(status))
            recorder.observe(REQUESTS, labels, time.perf_counter() - started)

    def _route(self, scope: Scope) -> str:
        if "exact" in scope:
            return str(scope["exact"].path)
        route = scope.get("route")
        if route is None:
            return NO_ROUTE
        if id(route) not in self._paths:
            self._learn(scope["app"].routes)
        return self._paths.get(id(route), NO_ROUTE)

    def _learn(self, routes: Sequence[BaseRoute], prefix: str = "") -> None:
        # The routes live as long as the application, so their ids stay theirs.
        for context in iter_route_contexts(routes):
            route, path = context.original_route, f"{prefix}{context.path or ''}"
            self._paths[id(route)] = self._paths[id(context)] = path or NO_ROUTE
            if isinstance(route, Mount):
                self._learn(route.routes, path)
