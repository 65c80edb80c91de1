"""Settings of this feature, `CREDITS_…` in the environment."""

from pydantic import Field, HttpUrl, SecretStr

from app.core.settings import FeatureSettings


class CreditSettings(FeatureSettings, env_prefix="CREDITS_"):
    """What newcomers get, how long things wait, and where the ledger is copied to."""

    welcome: int = Field(default=100, ge=0, description="Credits that a new account begins with.")
    default_tier: str = Field(default="free", max_length=40, description="Tier of a new account.")
    more_url: HttpUrl | None = Field(
        default=None, description="Where people get more credits: a refusal names it."
    )
    stale_minutes: int = Field(
        default=15,
        ge=1,
        description="Minutes after which a charge of a request counts as left behind; longer than "
        "any request takes.",
    )
    rate_cache_seconds: float = Field(
        default=5.0, ge=0.0, le=300.0, description="How long a process may still take an old rate."
    )
    mirror_url: HttpUrl | None = Field(
        default=None,
        description="Where entries of the ledger are copied to, by POST as PostgREST takes it.",
    )
    mirror_key: SecretStr | None = Field(
        default=None, description="Sent there as `apikey` and as bearer token."
    )


SETTINGS = CreditSettings
