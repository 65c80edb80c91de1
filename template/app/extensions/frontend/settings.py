"""Settings of this feature, `FRONTEND_…` in the environment."""

from pathlib import Path

from app.core.settings import FeatureSettings


class FrontendSettings(FeatureSettings, env_prefix="FRONTEND_"):
    """Where the built application is."""

    folder: Path | None = None
    """Folder that `app web build` wrote, `web/build`; without it, only the API is served."""


SETTINGS = FrontendSettings
