"""Without an endpoint, tracing loads nothing and costs nothing."""

import json
import os
import subprocess
import sys
from typing import Any

from tests.support.processes import PROJECT

OTHERS = "items,tasks,users"


def measured(features: str) -> Any:
    result = subprocess.run(
        [sys.executable, "-m", "tests.extensions.tracing.measure_off"],
        cwd=PROJECT,
        env={**os.environ, "FEATURES": features},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_it_loads_nothing_and_a_request_calls_no_function_more() -> None:
    without, with_it = measured(OTHERS), measured(f"{OTHERS},tracing")
    # FastAPI imports the API of OpenTelemetry, and redis-py the SDK if it is installed.
    assert with_it["modules"] == without["modules"]
    later = ("opentelemetry.exporter", "opentelemetry.instrumentation", "google.protobuf")
    assert not [name for name in with_it["modules"] if name.startswith(later)]
    assert with_it["request"] == without["request"] > 50
    # The header of an enqueued task: `headers`, and what it asks for the settings.
    assert with_it["task"] - without["task"] <= 2
