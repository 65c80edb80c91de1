"""Lets the built application answer every path that no route has."""

from fastapi import FastAPI

from app.core.features import FeatureError
from app.core.settings import get_settings, load_settings
from app.extensions.frontend.build import Build, BuildError
from app.extensions.frontend.serving import Frontend
from app.extensions.frontend.settings import FrontendSettings


def mount(app: FastAPI) -> None:
    """Serve the folder of the settings, if there is one.

    Raises:
        FeatureError: the folder has no complete build.
    """
    folder = load_settings(FrontendSettings).folder
    if folder is None:
        return
    try:
        build = Build.read(folder)
    except BuildError as error:
        raise FeatureError(f"Feature 'frontend': {error}") from None
    # Asked after all routes, those of the features that are mounted later included.
    app.router.default = Frontend(app, build, get_settings(), app.router.default)
