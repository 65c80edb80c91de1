"""A PostHog on loopback."""

from collections.abc import Iterator

import pytest

from app.core.settings import load_settings
from tests.extensions.analytics.sink import Sink, receiving


@pytest.fixture
def sink() -> Iterator[Sink]:
    with receiving() as sink:
        yield sink


@pytest.fixture
def on(sink: Sink, monkeypatch: pytest.MonkeyPatch, fresh_settings: None) -> None:
    """The backend sends its events there."""
    for name, value in sink.environment.items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
