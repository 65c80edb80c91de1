"""The log lines of the process."""

import logging

import pytest
from structlog.stdlib import ProcessorFormatter


def rendered(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The log lines of the test so far, formatted as the process writes them."""
    (handler,) = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler.formatter, ProcessorFormatter)
    ]
    return [handler.format(record) for record in caplog.records]
