"""Records log lines, without their tracebacks: the exception is a record of its own."""

import logging
from typing import Any

from devstack.devpage.recorder import privacy
from devstack.devpage.recorder.entry import current, record

# In the record anyway, or in every line.
LEFT_OUT = {
    *("event", "level", "logger", "timestamp", "page", "request_id", "task_id", "user_id"),
    *("actor_id", "exc_info", "stack_info", "exception"),
}


class Handler(logging.Handler):
    """Records the lines of the running request or task."""

    def emit(self, line: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        if current.get() is None:
            return
        try:
            text, fields = _parts(line)
            record("log", level=line.levelname.lower(), logger=line.name, text=text, fields=fields)
        except Exception:  # noqa: BLE001 - a line that cannot be formatted is the other handler's
            return


def install() -> None:
    """Record every line from now on."""
    root = logging.getLogger()
    if not any(isinstance(each, Handler) for each in root.handlers):
        root.addHandler(Handler())


def _parts(line: logging.LogRecord) -> tuple[str, dict[str, str]]:
    """Return the event and its fields; structlog leaves a dictionary in `msg`."""
    if isinstance(line.msg, dict):
        event: dict[str, Any] = line.msg
        fields = {
            name: privacy.field(name, value)
            for name, value in event.items()
            if name not in LEFT_OUT and not name.startswith("_")
        }
        return privacy.readable(str(event.get("event", ""))), fields
    return privacy.readable(line.getMessage()), {}
