"""Settings of this feature, `TRACING_…` in the environment."""

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from app.core.settings import FeatureSettings, Problem
from app.core.settings.postgres import is_private_host

PATH = "/v1/traces"


def _pairs(value: Any) -> Any:
    """Read `a=1,b=2`, as the environment holds it."""
    if not isinstance(value, str):
        return value
    parts = [part.partition("=") for part in value.split(",") if part.strip()]
    if not all(name.strip() and separator for name, separator, _ in parts):
        raise ValueError("write name=value, with commas between several")
    return {name.strip(): text.strip() for name, _, text in parts}


class TracingSettings(FeatureSettings, env_prefix="TRACING_"):
    """Where spans go, and how many."""

    endpoint: str | None = None
    """Address of an OTLP/HTTP receiver, as http://localhost:4318; without it nothing is traced."""
    headers: Annotated[dict[str, SecretStr], NoDecode, BeforeValidator(_pairs)] = Field(
        default_factory=dict
    )
    """Headers for the receiver, such as its key, as authorization=Bearer KEY, with commas."""
    rate: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of the traces that begin here and are recorded, from 0 to 1."""

    @field_validator("endpoint")
    @classmethod
    def _check_endpoint(cls, endpoint: str | None) -> str | None:
        if endpoint is None:
            return None
        parts = urlsplit(endpoint)
        try:
            complete = bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            complete = False
        if parts.scheme not in ("http", "https") or not complete or parts.username is not None:
            raise ValueError(
                "it starts with http:// or https:// and has a host; keys go into TRACING_HEADERS"
            )
        if parts.query or parts.fragment:
            raise ValueError("it has no query")
        return endpoint.rstrip("/").removesuffix(PATH)

    @property
    def address(self) -> str:
        """The address that spans are sent to."""
        return f"{self.endpoint}{PATH}"

    @property
    def plain_headers(self) -> dict[str, str]:
        """The headers with their secrets."""
        return {name: value.get_secret_value() for name, value in self.headers.items()}

    def production_problems(self) -> Iterator[Problem]:
        """See `SettingsGroup.production_problems`."""
        if self.endpoint:
            parts = urlsplit(self.endpoint)
            if parts.scheme == "http" and not is_private_host(parts.hostname):
                yield "TRACING_ENDPOINT", "must start with https:// outside private networks."


SETTINGS = TracingSettings
