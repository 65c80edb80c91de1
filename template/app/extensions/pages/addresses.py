"""The addresses of pages: by the function that answers, or by its name in a template.

In Python, `address(request, show_item, item_id=item.id)`. In a template,
`url_for("items:show_item", item_id=item.id)` and `url_for("static", path="site.css")`. The names in
templates are checked when the process starts: see `template_check`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.convertors import Convertor
from starlette.requests import Request
from starlette.routing import Mount, NoMatchFound

from app.core.features import owner_of


class Addresses:
    """The names of all pages.

    FastAPI's own search compares every route, and takes their paths apart each time, which is slow
    in lists.
    """

    def __init__(self, app: FastAPI) -> None:
        self._mounts: dict[str, Mount] = {}
        self._pages: dict[str, tuple[str, Mapping[str, Convertor[Any]]]] = {}
        for route in iter_route_contexts(app.routes):
            original = route.original_route
            if isinstance(original, Mount) and original.name:
                self._mounts.setdefault(original.name, original)
            elif isinstance(original, APIRoute) and ":" in original.name:
                way = (route.path_format or "", route.param_convertors)
                self._pages.setdefault(original.name, way)

    def path(self, name: str, /, **values: Any) -> str:
        """Return the path of a page.

        Raises:
            NoMatchFound: no page has this name and exactly these values in its path.
        """
        if mount := self._mounts.get(name):
            return str(mount.url_path_for(name, **values))
        path, convertors = self._page(name)
        if values.keys() != convertors.keys():
            raise NoMatchFound(name, values)
        if not values:
            return path
        return path.format_map(
            {each: convertor.to_string(values[each]) for each, convertor in convertors.items()}
        )

    def values(self, name: str) -> set[str]:
        """Return the names of the values in the path of a page.

        Raises:
            NoMatchFound: no page has this name.
        """
        return {"path"} if name in self._mounts else set(self._page(name)[1])

    def _page(self, name: str) -> tuple[str, Mapping[str, Convertor[Any]]]:
        if name not in self._pages:
            raise NoMatchFound(name, {})
        return self._pages[name]


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


def values_of(request: Request, name: str) -> set[str]:
    """Return the names of the values in the path of a page.

    Raises:
        NoMatchFound: see `Addresses.values`.
    """
    addresses: Addresses = request.app.state.addresses
    return addresses.values(name)


def path_of(request: Request, name: str, /, **values: Any) -> str:
    """Return the path of a page or a static file, with the prefix of a proxy if there is one.

    Raises:
        NoMatchFound: see `Addresses.path`; or there is no such static file.
    """
    root = request.scope.get("app_root_path", request.scope.get("root_path", ""))
    return f"{root}{request.app.state.addresses.path(name, **values)}"
