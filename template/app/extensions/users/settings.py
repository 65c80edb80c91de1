"""Settings of this feature, `USER_…` in the environment."""

from enum import StrEnum

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from app.core.http.webhooks import parse_secrets
from app.core.settings import CommaList, FeatureSettings


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
    email_domains: CommaList = Field(
        default_factory=list,
        description="Domains whose addresses may sign up, with commas; empty for all. It needs the "
        "hook before-user-created.",
    )
    hook_secrets: SecretStr | None = Field(
        default=None,
        description="Secrets of the hooks of Supabase Auth, as v1,whsec_…, with | between them.",
    )

    @field_validator("hook_secrets")
    @classmethod
    def _readable(cls, secrets: SecretStr | None) -> SecretStr | None:
        if secrets:
            parse_secrets(secrets)
        return secrets

    @field_validator("email_domains")
    @classmethod
    def _lower(cls, domains: list[str]) -> list[str]:
        return [domain.lower().removeprefix("@") for domain in domains]


SETTINGS = UserSettings
