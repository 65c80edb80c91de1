"""The log lines about changes of tasks."""

import json
from typing import Any

import pytest

from tests.support.logs import rendered


def changes(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the lines of the test so far."""
    lines = [json.loads(line) for line in rendered(caplog)]
    return [line for line in lines if line["event"].startswith("task_")]
