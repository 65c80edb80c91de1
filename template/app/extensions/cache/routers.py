"""Caches routes of features that must also work without this option.

Such a feature names them in its `cache.py`, which is loaded with the option only:

    CACHED = {"list_posts": Cached(expires=30, tags=("posts",))}  # by the function of the route
"""

from fastapi import APIRouter
from fastapi.datastructures import DefaultPlaceholder
from fastapi.routing import APIRoute, iter_route_contexts

from app.core.features import FeatureError, load
from app.extensions.cache.service import Cached
from app.extensions.cache.shortcuts import add_shortcut


def prepare(feature: str, router: APIRouter) -> None:
    """Wrap the functions of the routes of a feature.

    Raises:
        FeatureError: its `cache.py` names a function that is not that of a GET route, or the
            answers of a cached route are not JSON by a model.
        TypeError: see `Cached`.
    """
    module = {each.name: module for each, module in load("cache")}.get(feature)
    declared: dict[str, Cached] = getattr(module, "CACHED", {})
    unused = set(declared)
    for context in iter_route_contexts(router.routes):
        route = context.original_route
        if not isinstance(route, APIRoute):
            continue
        name, is_cached = route.endpoint.__name__, hasattr(route.endpoint, "serve_hit")
        if name in declared and route.methods == {"GET"}:
            unused.discard(name)
            if not is_cached:
                route.endpoint = declared[name](route.endpoint)
                is_cached = True
        if is_cached:
            build, serve_hit = route.get_route_handler, route.endpoint.serve_hit  # type: ignore[attr-defined]
            route.get_route_handler = add_shortcut(build, serve_hit)  # type: ignore[method-assign]
        if is_cached and not _is_cacheable(route):
            raise FeatureError(
                f"{name} of '{feature}' cannot be cached: only a GET route can that answers JSON "
                "by a model, without a response class of its own"
            )
    if unused:
        raise FeatureError(
            f"cache.py of '{feature}' names {', '.join(sorted(unused))}, which is not the function "
            "of a GET route"
        )


def _is_cacheable(route: APIRoute) -> bool:
    return (
        route.methods == {"GET"}
        and route.response_field is not None
        and isinstance(route.response_class, DefaultPlaceholder)
    )
