"""Takes what features count, if there is a token."""

from app.core.settings import load_settings
from app.extensions.metrics.recorder import recorder
from app.extensions.metrics.settings import MetricsSettings


def add(name: str, label: str, number: int) -> None:
    """Add to the numbers of this process."""
    if load_settings(MetricsSettings).token is not None:
        recorder.count(name, label, number)
