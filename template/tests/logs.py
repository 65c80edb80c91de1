"""What the process logs."""

import logging

import pytest
from structlog.stdlib import ProcessorFormatter


def rendered(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of the test so far, as the process writes them."""
    (ours,) = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler.formatter, ProcessorFormatter)
    ]
    return [ours.format(record) for record in caplog.records]
