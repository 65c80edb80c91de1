"""Values of the settings that are wrong, the check of `app doctor`, and a process without a DSN."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from app.core.cli.errors import CliError
from app.core.settings import check_settings, load_settings
from app.extensions.sentry.checks import receiver
from app.extensions.sentry.settings import SentrySettings
from devstack.ports import free_port
from tests.extensions.sentry.sink import Sink
from tests.support.processes import PROJECT

Configure = Callable[..., None]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, fresh_settings: None) -> Configure:
    """Set SENTRY_… settings for the test."""

    def configure(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"SENTRY_{name.upper()}", value)
        load_settings.cache_clear()

    return configure


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("dsn", "key@host/42", "Client Keys"),
        ("dsn", "https://host/42", "Client Keys"),
        ("dsn", "https://key@host", "Client Keys"),
        ("dsn", "https://key@host/shop", "Client Keys"),
        ("dsn", "https://key@host:x/42", "Client Keys"),
        ("sample_rate", "2", "less than or equal to 1"),
    ],
)
def test_a_wrong_value_is_named(configure: Configure, name: str, value: str, text: str) -> None:
    configure(**{name: value})
    ((variable, problem),) = check_settings(SentrySettings)
    assert variable == f"SENTRY_{name.upper()}"
    assert text in problem
    assert "key@" not in problem


@pytest.mark.parametrize("environment", ["staging", "production"])
@pytest.mark.parametrize(
    ("dsn", "fine"),
    [
        ("https://key@sentry.example.com/42", True),
        ("http://key@sentry.example.com/42", False),
        ("http://key@sentry:9000/42", True),
        ("http://key@10.0.0.7/42", True),
    ],
)
def test_reports_cross_public_networks_with_tls_only(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, environment: str, dsn: str, fine: bool
) -> None:
    monkeypatch.setenv("ENVIRONMENT", environment)
    configure(dsn=dsn)
    wrong = [variable for variable, _ in check_settings(SentrySettings)]
    assert wrong == ([] if fine else ["SENTRY_DSN"])


def test_the_check_sends_an_envelope_without_an_event(configure: Configure, sink: Sink) -> None:
    assert receiver() == "off, because SENTRY_DSN is not set"
    configure(dsn=sink.dsn)
    assert receiver() == f"{sink.url}/api/42/envelope/, 1 of the failures"
    assert sink.raw == [b"{}\n"]
    assert "sentry_key=the-key" in sink.keys[0]
    sink.status = 403
    with pytest.raises(CliError, match="answers 403"):
        receiver()


def test_the_check_names_a_sentry_that_is_down(configure: Configure) -> None:
    configure(dsn=f"http://key@127.0.0.1:{free_port()}/42")
    with pytest.raises(CliError, match=r"does not answer \(ConnectError\)"):
        receiver()


OFF = """
import sys
from app.core.failures import Failure, report
from app.core.process import process
from app.main import app
import app.worker
for kind in ("api", "worker", "beat", "command"):
    with process(kind):
        report(Failure("task", "x", None, ValueError()))
print([name for name in sys.modules if name.startswith("sentry_sdk")])
"""


def test_without_a_dsn_the_sdk_is_not_imported() -> None:
    result = subprocess.run(
        [sys.executable, "-c", OFF], cwd=PROJECT, env=os.environ, capture_output=True, text=True
    )
    assert (result.stdout, result.returncode) == ("[]\n", 0), result.stderr
