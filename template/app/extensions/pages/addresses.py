"""The addresses of pages: by the function that answers, or by its name in a template.

In Python, `address(request, show_item, item_id=item.id)`. In a template,
`url_for("items:show_item", item_id=item.id)` and `url_for("static", path="site.css")`. The names in
templates are checked when the process starts: see `template_check`.
"""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.requests import Request
from starlette.routing import Mount, NoMatchFound

from app.core.features import owner_of


class Addresses:
    """The names of all pages. FastAPI's own search compares every route, which is slow in lists."""

    def __init__(self, app: FastAPI) -> None:
        self._routes: dict[str, RouteContext | Mount] = {}
        for route in iter_route_contexts(app.routes):
            original = route.original_route
            if isinstance(original, Mount) and original.name:
                self._routes.setdefault(original.name, original)
            elif isinstance(original, APIRoute) and ":" in original.name:
                self._routes.setdefault(original.name, route)

    def path(self, name: str, /, **values: Any) -> str:
        """Return the path of a page.

        Raises:
            NoMatchFound: no page has this name and exactly these values in its path.
        """
        route = self._routes.get(name)
        if route is None:
            raise NoMatchFound(name, values)
        return str(route.url_path_for(name, **values))

    def values(self, name: str) -> set[str]:
        """Return the names of the values in the path of a page.

        Raises:
            NoMatchFound: no page has this name.
        """
        route = self._routes.get(name)
        if route is None:
            raise NoMatchFound(name, {})
        return {"path"} if isinstance(route, Mount) else set(route.param_convertors)


def name_of(endpoint: Callable[..., Any]) -> str:
    """Return the name of a page: its feature and its function, as in `items:list_items`."""
    return f"{owner_of(endpoint.__module__)}:{endpoint.__name__}"


def address(request: Request, endpoint: Callable[..., Any], /, **values: Any) -> str:
    """Return the path of the page that a function answers."""
    return path_of(request, name_of(endpoint), **values)


def safe_path(wanted: str, *, otherwise: str) -> str:
    """Return a path that a request asks for, if it is one of this site: see "open redirect"."""
    is_path = wanted.startswith("/") and not wanted.startswith("//") and wanted.isprintable()
    return wanted if is_path and "\\" not in wanted else otherwise


def path_of(request: Request, name: str, /, **values: Any) -> str:
    """Return the path of a page or a static file, with the prefix of a proxy if there is one.

    Raises:
        NoMatchFound: see `Addresses.path`; or there is no such static file.
    """
    root = request.scope.get("app_root_path", request.scope.get("root_path", ""))
    return f"{root}{request.app.state.addresses.path(name, **values)}"
