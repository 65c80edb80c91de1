"""Settings of this feature, `ADMIN_…` in the environment."""

from pydantic import Field

from app.core.settings import FeatureSettings


class AdminSettings(FeatureSettings, env_prefix="ADMIN_"):
    """How long visits to the site and impersonations last."""

    idle_minutes: int = Field(
        default=30,
        ge=1,
        le=1440,
        description="Minutes without a request after which the site asks to sign in.",
    )
    session_hours: int = Field(
        default=12,
        ge=1,
        le=168,
        description="Hours after a sign-in at which the site asks for another one.",
    )
    act_as_minutes: int = Field(
        default=15, ge=1, le=60, description="Minutes for which an admin may act as a user."
    )


SETTINGS = AdminSettings
