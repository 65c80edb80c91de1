"""Settings of this feature, `PAGES_…` in the environment."""

from pathlib import Path

from pydantic import Field

from app.core.settings import FeatureSettings


class PagesSettings(FeatureSettings, env_prefix="PAGES_"):
    """Where the pages are, and where their static files come from."""

    url: str | None = Field(default=None, pattern=r"^https?://[^/?#@]+$")
    """Public origin of the pages, `https://example.com`; default: that of each request."""
    static_folder: Path | None = None
    """Folder that `app pages collect` wrote; without it, files come from the features."""


SETTINGS = PagesSettings
