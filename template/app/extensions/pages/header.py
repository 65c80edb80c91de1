"""What features add to the header of each page, by their `pages.py`.

    NAVIGATION = {"Teas": "teas:list_teas"}  # label to name of a page
    HEADER = "teas/basket.html"  # a template that the header includes

    async def header(request: Request) -> dict[str, Any]: ...

`header` is called before each page but those of errors. What it returns is in the template's
`header(request)`. It also fills the paths of NAVIGATION: a page whose path has a value that no
feature gives is not linked.
"""

from typing import Any

from starlette.requests import Request

from app.core.features import load
from app.extensions.pages.addresses import path_of, values_of


async def load_header(request: Request) -> None:
    """Ask the features for what they show; htmx replaces a part of the page below the header."""
    request.state.header = {}
    if request.headers.get("hx-request-type") == "partial":
        return
    for _, module in load("pages"):
        if hasattr(module, "header"):
            request.state.header |= await module.header(request)


def header(request: Request) -> dict[str, Any]:
    """Return what the features show in the header of this page."""
    found: dict[str, Any] = getattr(request.state, "header", {})
    return found


def header_parts() -> list[str]:
    """Return the templates of the features."""
    return [module.HEADER for _, module in load("pages") if hasattr(module, "HEADER")]


def navigation(request: Request) -> dict[str, str]:
    """Return the links of the header, label to path."""
    given, found = header(request), {}
    for _, module in load("pages"):
        for label, name in getattr(module, "NAVIGATION", {}).items():
            needed = values_of(request, name)
            if needed <= given.keys():
                found[label] = path_of(request, name, **{each: given[each] for each in needed})
    return found
