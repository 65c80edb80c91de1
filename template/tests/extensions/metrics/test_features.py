"""Numbers of other features."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client.core import Metric

from app.core.counters import count
from app.core.database import Reader
from app.core.settings import load_settings
from app.extensions.metrics import features
from app.extensions.metrics.families import gauge
from app.extensions.metrics.recorder import Counter, recorder
from app.extensions.metrics.service import parsed
from tests.support.logs import rendered

PAID = Counter("app_paid_total", "Paid orders", "plan", ("monthly", "yearly"))


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The `metrics.py` of features."""
    modules: list[Any] = []
    feature = SimpleNamespace(name="shop")
    monkeypatch.setattr(features, "load", lambda _: [(feature, each) for each in modules])
    features.forget()
    recorder.take()
    yield modules
    features.forget()
    recorder.take()


def values(metric: Metric) -> dict[tuple[str, ...], float]:
    return {tuple(sample.labels.values()): sample.value for sample in metric.samples}


def test_what_features_count_is_shown_from_zero(
    declared: list[Any], monkeypatch: pytest.MonkeyPatch, fresh_settings: None
) -> None:
    declared.append(SimpleNamespace(COUNTERS=(PAID,)))
    (metric,) = features.counters(parsed({}))
    assert values(metric) == {("monthly",): 0, ("yearly",): 0}
    monkeypatch.setenv("METRICS_TOKEN", "a-token-of-24-characters")
    load_settings.cache_clear()
    count("app_paid_total", "yearly", 2)
    count("app_paid_total", "yearly")
    (metric,) = features.counters(parsed(dict(recorder.take())))
    assert values(metric) == {("monthly",): 0, ("yearly",): 3}


def test_without_a_token_nothing_is_counted(declared: list[Any]) -> None:
    count("app_paid_total", "yearly")
    assert recorder.take() == {}


async def test_a_feature_collects_once_a_minute_and_may_fail_alone(
    app: FastAPI, declared: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    async def collect(_: Reader) -> list[Metric]:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("no table")
        return [gauge("app_orders", "Orders", "", 7)]

    declared.append(SimpleNamespace(collect=collect))
    reader: Reader = app.state.database.reader
    assert await features.collected(reader) == []
    assert any("metrics_not_collected" in line for line in rendered(caplog))
    for _ in range(3):
        (metric,) = await features.collected(reader)
        assert values(metric) == {(): 7}
    assert len(calls) == 2
