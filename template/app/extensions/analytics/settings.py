"""Settings of this feature, `ANALYTICS_…` in the environment."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from app.core.settings import CommaList, FeatureSettings, Problem
from app.core.settings.postgres import is_private_host

PERSON_PROPERTIES = ("email", "display_name")


class AnalyticsSettings(FeatureSettings, env_prefix="ANALYTICS_"):
    """Where events go, and what they may say about a person."""

    key: SecretStr | None = None
    """Key of the project at PostHog, as phc_…; without it nothing is captured."""
    host: str = "https://eu.i.posthog.com"
    """Address that receives events; for the US cloud https://us.i.posthog.com."""
    project: str | None = Field(default=None, pattern=r"^\d+$")
    """Number of the project at PostHog, for the deletion of persons."""
    personal_key: SecretStr | None = None
    """Personal API key with the scope person:write, as phx_…, for the deletion of persons."""
    person_properties: CommaList = Field(default_factory=list)
    """What PostHog learns about a person besides the id: email, display_name, with commas."""

    @field_validator("host")
    @classmethod
    def _check_host(cls, host: str) -> str:
        parts = urlsplit(host)
        try:
            complete = bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            complete = False
        if parts.scheme not in ("http", "https") or not complete or parts.username is not None:
            raise ValueError("it starts with http:// or https:// and has a host")
        if parts.query or parts.fragment:
            raise ValueError("it has no query")
        return host.rstrip("/")

    @field_validator("person_properties")
    @classmethod
    def _check_properties(cls, names: list[str]) -> list[str]:
        if wrong := sorted({*names} - {*PERSON_PROPERTIES}):
            raise ValueError(f"{wrong[0]} is none of: {', '.join(PERSON_PROPERTIES)}")
        return names

    @property
    def private_host(self) -> str:
        """The address of the API for personal keys, which PostHog's cloud serves elsewhere."""
        return self.host.replace(".i.posthog.com", ".posthog.com")

    def production_problems(self) -> Iterator[Problem]:
        """See `SettingsGroup.production_problems`."""
        parts = urlsplit(self.host)
        if self.key and parts.scheme == "http" and not is_private_host(parts.hostname):
            yield "ANALYTICS_HOST", "must start with https:// outside private networks."


SETTINGS = AnalyticsSettings
