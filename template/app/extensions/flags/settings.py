"""Settings of this feature, `FLAGS_…` in the environment."""

from enum import StrEnum

from pydantic import Field

from app.core.settings import FeatureSettings


class Provider(StrEnum):
    """Who decides about flags."""

    LOCAL = "local"
    POSTHOG = "posthog"


class FlagSettings(FeatureSettings, env_prefix="FLAGS_"):
    """Where the state of flags is kept, and for how long a process caches it."""

    provider: Provider = Provider.LOCAL
    """Who decides about flags: local (a table of this backend) or posthog."""
    cache_seconds: float = Field(default=5.0, ge=0.0, le=3600.0)
    """Seconds after which a process reads the flags again, or asks PostHog again about a user."""


SETTINGS = FlagSettings
