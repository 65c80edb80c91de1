"""Settings of this feature, `SENTRY_…` in the environment."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from app.core.settings import FeatureSettings, Problem
from app.core.settings.postgres import is_private_host


class SentrySettings(FeatureSettings, env_prefix="SENTRY_"):
    """Where failures are reported."""

    dsn: str | None = Field(default=None, repr=False)
    """DSN of the project at Sentry, as https://KEY@host/42; without it nothing is reported."""
    sample_rate: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of the failures that are reported, from 0 to 1."""

    @field_validator("dsn")
    @classmethod
    def _check_dsn(cls, dsn: str | None) -> str | None:
        if dsn:
            parts = urlsplit(dsn)
            try:
                complete = bool(parts.hostname and parts.username) and (parts.port or 1) > 0
            except ValueError:
                complete = False
            project = parts.path.rpartition("/")[2]
            if parts.scheme not in ("http", "https") or not complete or not project.isdecimal():
                raise ValueError("copy it from the settings of the project, Client Keys")
        return dsn

    @property
    def address(self) -> str:
        """The address that events are sent to, without the key."""
        parts = urlsplit(self.dsn or "")
        before, _, project = parts.path.rpartition("/")
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}{before}/api/{project}/envelope/"

    @property
    def key(self) -> str:
        """The public key of the project."""
        return urlsplit(self.dsn or "").username or ""

    def production_problems(self) -> Iterator[Problem]:
        """See `SettingsGroup.production_problems`."""
        parts = urlsplit(self.dsn or "")
        if parts.scheme == "http" and not is_private_host(parts.hostname):
            yield "SENTRY_DSN", "must start with https:// outside private networks."


SETTINGS = SentrySettings
