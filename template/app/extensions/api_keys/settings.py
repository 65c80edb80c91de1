"""Settings of this feature, `API_KEYS_…` in the environment."""

import re

from pydantic import Field

from app.core.settings import FeatureSettings, get_settings


class ApiKeySettings(FeatureSettings, env_prefix="API_KEYS_"):
    """How keys look, how long they are valid, and how soon a change takes effect."""

    prefix: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9]{1,19}$",
        description="First part of new keys, 2 to 20 lower-case letters and digits; default: those "
        "of PROJECT_NAME.",
    )
    default_days: int = Field(
        default=90, ge=1, le=3650, description="Days for which a key is valid."
    )
    max_days: int = Field(
        default=365, ge=1, le=3650, description="Longest validity of a key, in days."
    )
    max_per_user: int = Field(default=20, ge=1, le=1000, description="Valid keys of one user.")
    overlap_hours: int = Field(
        default=24, ge=0, le=168, description="Hours for which a replaced key stays valid."
    )
    cache_seconds: float = Field(
        default=5.0,
        ge=0.0,
        le=300.0,
        description="How long another process may still accept a revoked key.",
    )
    last_used_seconds: float = Field(
        default=60.0, ge=1.0, le=3600.0, description="Seconds between two writes of the last uses."
    )
    keep_days: int = Field(
        default=90, ge=1, description="Days for which keys are kept that are not valid any more."
    )

    @property
    def key_prefix(self) -> str:
        """The first part of new keys."""
        if self.prefix:
            return self.prefix
        letters = re.sub(r"[^a-z0-9]", "", get_settings().project_name.lower()).lstrip("0123456789")
        return letters[:20] if len(letters) > 1 else "app"


SETTINGS = ApiKeySettings
