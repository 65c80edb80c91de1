"""Adds the pages of all features, and the static files, to the application."""

from fastapi import Depends, FastAPI
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from app.core.features import FeatureError, load
from app.core.settings import get_settings
from app.extensions.pages.addresses import Addresses, name_of
from app.extensions.pages.assets import StaticMount
from app.extensions.pages.front import front_page
from app.extensions.pages.header import load_header
from app.extensions.sessions.deps import guard


def mount(app: FastAPI) -> None:
    """Include the `router` of each feature's `pages.py`; its routes are not in the API's schema.

    Raises:
        FeatureError: the `pages.py` of a feature cannot be loaded.
    """
    before = [Depends(guard), Depends(load_header)]
    for feature, module in load("pages"):
        if not hasattr(module, "router"):
            raise FeatureError(f"Feature '{feature.name}': {module.__name__} defines no `router`")
        for route in module.router.routes:
            if isinstance(route, APIRoute):
                route.name = name_of(route.endpoint)
        app.include_router(
            module.router,
            include_in_schema=False,
            default_response_class=HTMLResponse,
            dependencies=before,
        )
    app.router.routes.append(StaticMount())
    # On a developer's machine, core shows the links of all features there. A page of yours at `/`
    # comes before both.
    if get_settings().environment != "local":
        name = name_of(front_page)
        app.add_api_route(
            "/",
            front_page,
            name=name,
            methods=["GET", "HEAD"],
            include_in_schema=False,
            dependencies=before,
        )
    app.state.addresses = Addresses(app)
