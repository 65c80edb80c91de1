"""Settings of this feature, `USER_…` in the environment."""

from enum import StrEnum

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from app.core.http.webhooks import parse_secrets
from app.core.settings import CommaList, FeatureSettings


class Approval(StrEnum):
    """Who approves a new user."""

    AUTO = "auto"
    EMAIL = "email"
    ADMIN = "admin"


class UserSettings(FeatureSettings):
    """How users are approved, and how long a process caches them."""

    model_config = SettingsConfigDict(env_prefix="USER_")

    approval: Approval = Approval.AUTO
    """Who approves a new user: auto, email (a confirmed address) or admin."""
    cache_seconds: float = Field(default=5.0, ge=0.0, le=300.0)
    """How long another process may still use a user's old role or status."""
    email_domains: CommaList = Field(default_factory=list)
    """Domains whose addresses may sign up, with commas; empty for all. This requires the hook
    before-user-created."""
    hook_secrets: SecretStr | None = None
    """Secrets of the hooks of Supabase Auth, as v1,whsec_…, with | between them."""

    @field_validator("hook_secrets")
    @classmethod
    def _check_secrets(cls, secrets: SecretStr | None) -> SecretStr | None:
        if secrets:
            parse_secrets(secrets)
        return secrets

    @field_validator("email_domains")
    @classmethod
    def _normalize_domains(cls, domains: list[str]) -> list[str]:
        return [domain.lower().removeprefix("@") for domain in domains]


SETTINGS = UserSettings
