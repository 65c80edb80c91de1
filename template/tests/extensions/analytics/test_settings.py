"""Settings, schedules and the check."""

import subprocess
import sys

import pytest

from app.core.cli.errors import CliError, DoubtfulError
from app.core.settings import check_settings, load_settings
from app.extensions.analytics.checks import receiver
from app.extensions.analytics.settings import AnalyticsSettings
from tests.extensions.analytics.sink import Sink
from tests.support.processes import PROJECT


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("ANALYTICS_HOST", "eu.i.posthog.com", "it starts with http"),
        ("ANALYTICS_HOST", "https://host?x=1", "it has no query"),
        ("ANALYTICS_PERSON_PROPERTIES", "email,phone", "phone is none of"),
        ("ANALYTICS_PROJECT", "main", "pattern"),
    ],
)
def test_wrong_values_are_named(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: None, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(name, value)
    ((variable, text),) = check_settings(AnalyticsSettings)
    assert variable == name
    assert problem in text


def test_production_requires_tls(monkeypatch: pytest.MonkeyPatch, fresh_settings: None) -> None:
    monkeypatch.setenv("ANALYTICS_KEY", "phc_key")
    for host, wrong in (("http://example.org", True), ("http://10.0.0.1", False)):
        monkeypatch.setenv("ANALYTICS_HOST", host)
        load_settings.cache_clear()
        assert bool([*load_settings(AnalyticsSettings).production_problems()]) is wrong


def test_the_cloud_has_two_hosts() -> None:
    assert AnalyticsSettings().private_host == "https://eu.posthog.com"


def test_the_check(on: None, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    assert receiver().startswith(sink.url)
    sink.status = 401
    with pytest.raises(CliError, match=r"answers 401\. Check ANALYTICS_KEY"):
        receiver()
    sink.status = 200
    monkeypatch.delenv("ANALYTICS_PROJECT")
    load_settings.cache_clear()
    with pytest.raises(DoubtfulError, match="ANALYTICS_PROJECT"):
        receiver()
    monkeypatch.setenv("ANALYTICS_HOST", "http://127.0.0.1:1")
    load_settings.cache_clear()
    with pytest.raises(CliError, match="does not answer"):
        receiver()
    monkeypatch.delenv("ANALYTICS_KEY")
    load_settings.cache_clear()
    assert receiver().startswith("off")


@pytest.mark.parametrize(("key", "expected"), [("", 0), ("phc_key", 3)])
def test_schedules_run_with_a_key_only(
    monkeypatch: pytest.MonkeyPatch, key: str, expected: int
) -> None:
    code = "from app.extensions.analytics.schedules import SCHEDULES; print(len(SCHEDULES))"
    monkeypatch.setenv("ANALYTICS_KEY", key)
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert int(result.stdout) == expected
