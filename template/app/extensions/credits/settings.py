"""Settings of this feature, `CREDITS_…` in the environment."""

from pydantic import Field, HttpUrl, SecretStr

from app.core.settings import FeatureSettings


class CreditSettings(FeatureSettings, env_prefix="CREDITS_"):
    """New accounts, charges that were left behind, the cache of rates, and the mirror."""

    welcome: int = Field(default=100, ge=0, description="Credits that a new account starts with.")
    default_tier: str = Field(default="free", max_length=40, description="Tier of a new account.")
    more_url: HttpUrl | None = Field(
        default=None,
        description="Page where users get more credits; it is part of the error for too few.",
    )
    stale_minutes: int = Field(
        default=15,
        ge=1,
        description="Minutes after which the charge of a request counts as left behind; more than "
        "any request takes.",
    )
    rate_cache_seconds: float = Field(
        default=5.0, ge=0.0, le=300.0, description="Seconds for which a process caches the rates."
    )
    mirror_url: HttpUrl | None = Field(
        default=None,
        description="URL that gets a copy of the ledger by POST, in the format of PostgREST.",
    )
    mirror_key: SecretStr | None = Field(
        default=None, description="Key for that URL, sent as `apikey` and as bearer token."
    )


SETTINGS = CreditSettings
