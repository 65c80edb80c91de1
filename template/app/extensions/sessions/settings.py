"""Settings of this feature, `SESSION_…` in the environment."""

from pydantic import Field

from app.core.settings import FeatureSettings


class SessionSettings(FeatureSettings, env_prefix="SESSION_"):
    """How long the session of a browser lasts."""

    idle_minutes: int = Field(default=20_160, ge=5, le=129_600)
    """Minutes without a request after which a session ends; the default is two weeks."""
    days: int = Field(default=90, ge=1, le=365)
    """Days after which a session ends in any case."""


SETTINGS = SessionSettings
