"""Settings of this feature, `USER_…` in the environment."""

from enum import StrEnum

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from app.core.settings import FeatureSettings


class Approval(StrEnum):
    """Who lets a new user in."""

    AUTO = "auto"
    EMAIL = "email"
    ADMIN = "admin"


class UserSettings(FeatureSettings):
    """How users are let in and how long a process remembers them."""

    model_config = SettingsConfigDict(env_prefix="USER_")

    approval: Approval = Field(
        default=Approval.AUTO,
        description="Who lets a new user in: auto, email (a confirmed address) or admin.",
    )
    cache_seconds: float = Field(
        default=5.0,
        ge=0.0,
        le=300.0,
        description="How long another process may still see a user's old role or status.",
    )


SETTINGS = UserSettings
