"""Caches routes of features that must also work without this option.

Such a feature names them in its `cache.py`, which is loaded with the option only:

    CACHED = {"list_posts": Cached(expires=30, tags=("posts",))}  # by the function of the route
"""

from fastapi import APIRouter
from fastapi.routing import APIRoute, iter_route_contexts

from app.core.features import FeatureError, load


def prepare(feature: str, router: APIRouter) -> None:
    """Wrap the functions of the routes of a feature.

    Raises:
        FeatureError: its `cache.py` names a function that is not that of a GET route.
        TypeError: see `Cached`.
    """
    module = {each.name: module for each, module in load("cache")}.get(feature)
    declared = dict(getattr(module, "CACHED", {}))
    for context in iter_route_contexts(router.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.methods == {"GET"}:
            options = declared.pop(route.endpoint.__name__, None)
            if options and not hasattr(route.endpoint, "cached"):
                route.endpoint = options(route.endpoint)
    if declared:
        raise FeatureError(
            f"cache.py of '{feature}' names {', '.join(declared)}, which is not the function of a "
            "GET route"
        )
