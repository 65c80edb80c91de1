"""Settings of this feature, `METRICS_…` in the environment."""

from pydantic import Field, SecretStr

from app.core.settings import FeatureSettings


class MetricsSettings(FeatureSettings, env_prefix="METRICS_"):
    """Who may read the metrics."""

    token: SecretStr | None = Field(default=None, min_length=24)
    """Token that Prometheus sends, 24 characters or more; without it nothing is measured."""


SETTINGS = MetricsSettings
