"""Settings of this feature, `CREDITS_EMAIL_…` in the environment."""

from pydantic import Field

from app.core.settings import FeatureSettings


class CreditsEmailSettings(FeatureSettings, env_prefix="CREDITS_EMAIL_"):
    """When a balance is low."""

    low_balance: int = Field(default=20, ge=0)
    """Balance below which a user is told."""


SETTINGS = CreditsEmailSettings
