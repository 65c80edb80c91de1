"""Values of the settings that are wrong, and the check of `app doctor`."""

import json
from collections.abc import Callable

import pytest

from app.core.cli.errors import CliError
from app.core.settings import check_settings, load_settings
from app.extensions.tracing.checks import receiver
from app.extensions.tracing.settings import TracingSettings
from devstack.ports import free_port
from tests.extensions.tracing.sink import Sink

Configure = Callable[..., None]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, fresh_settings: None) -> Configure:
    """Set TRACING_… settings for the test."""

    def configure(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"TRACING_{name.upper()}", value)
        load_settings.cache_clear()

    return configure


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("endpoint", "localhost:4318", "starts with http:// or https://"),
        ("endpoint", "http://", "has a host"),
        ("endpoint", "http://host:port", "has a host"),
        ("endpoint", "https://key@host", "keys go into TRACING_HEADERS"),
        ("endpoint", "https://host?key=1", "no query"),
        ("headers", "Bearer", "name=value"),
        ("headers", "=x", "name=value"),
        ("rate", "1.1", "less than or equal to 1"),
        ("rate", "all", "valid number"),
    ],
)
def test_a_wrong_value_is_named(configure: Configure, name: str, value: str, text: str) -> None:
    configure(**{name: value})
    ((variable, problem),) = check_settings(TracingSettings)
    assert variable == f"TRACING_{name.upper()}"
    assert text in problem


@pytest.mark.parametrize(
    ("endpoint", "fine"),
    [
        ("https://otlp.example.com", True),
        ("http://otlp.example.com", False),
        ("http://collector:4318", True),
        ("http://10.0.0.7:4318", True),
    ],
)
def test_spans_cross_public_networks_with_tls_only(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, endpoint: str, fine: bool
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    configure(endpoint=endpoint)
    assert (check_settings(TracingSettings) == []) is fine


@pytest.mark.parametrize("endpoint", ["http://host", "http://host/", "http://host/v1/traces"])
def test_the_path_may_be_part_of_the_endpoint(configure: Configure, endpoint: str) -> None:
    configure(endpoint=endpoint)
    assert load_settings(TracingSettings).address == "http://host/v1/traces"


def test_the_check_sends_the_headers_and_no_span(configure: Configure, sink: Sink) -> None:
    assert receiver() == "off, because TRACING_ENDPOINT is not set"
    configure(endpoint=sink.url, headers="authorization=Bearer x,x-team=a", rate="0.25")
    assert receiver() == f"{sink.url}/v1/traces, 0.25 of the traces"
    assert (sink.headers[0]["authorization"], sink.headers[0]["x-team"]) == ("Bearer x", "a")
    assert sink.spans == []
    sink.status = 401
    with pytest.raises(CliError, match="answers 401"):
        receiver()


def test_the_check_names_a_receiver_that_is_down(configure: Configure) -> None:
    configure(endpoint=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(CliError, match=r"does not answer \(ConnectError\)"):
        receiver()


def test_a_key_is_not_shown(configure: Configure) -> None:
    configure(headers="authorization=Bearer hunter2")
    assert "hunter2" not in json.dumps(repr(load_settings(TracingSettings)))
