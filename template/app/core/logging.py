"""Structured logs: `key=value` in a terminal, otherwise one JSON object per line.

Records of the standard library (uvicorn, Celery, SQLAlchemy) pass through the same processors.
"""

import json
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from app.core.context import BOUND, IDS
from app.core.redaction import redacted

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

    from app.core.settings import CoreSettings


def get_logger(name: str) -> Any:
    """Return a logger whose methods take an event and fields: `log.info("paid", amount=3)`."""
    return structlog.stdlib.get_logger(name)


def configure_logging(settings: "CoreSettings") -> None:
    """Write every log line of this process to standard error, in the format of the settings."""
    console = _is_console(settings)
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _bind_context,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if console else "iso", utc=not console),
    ]
    # Tracebacks are without local variables, which hold tokens, passwords and personal data.
    renderer: list[Processor] = (
        [
            _add_id_prefix,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                pad_event_to=0,
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
        if console
        else [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_is_relevant)
    handler.setFormatter(
        _Formatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), _drop_duplicates, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    level = settings.log_level.upper()
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "celery"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # `access_log` writes the access line, with the request id and the duration.
    logging.getLogger("uvicorn.access").disabled = True
    for noisy in ("httpx", "httpcore", "asyncio", "alembic"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Leaves secret values out of the whole line: they may be in any field, or in a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


def log_seldom(name: str, seconds: float = 300) -> None:
    """Let one warning or error of a library's logger pass in this time.

    It is for loggers that write a line for each attempt to reach a service that is down.
    """
    until = 0.0

    def passes(record: logging.LogRecord) -> bool:
        nonlocal until
        if record.levelno < logging.WARNING:
            return True
        if record.created < until:
            return False
        until = record.created + seconds
        return True

    logging.getLogger(name).addFilter(passes)


def access_log(settings: "CoreSettings") -> Callable[..., None]:
    """Return the function that logs a request, given `method`, `path`, `status` and `ms`.

    Each request writes this line, and structlog on top of `logging` takes a fifth of a short
    request's time for it. So JSON is written directly, with the same fields in the same order. As
    soon as another handler also listens, such as one that exports logs, it gets the line as usual.
    """
    name = "app.access"
    log, logger, root = get_logger(name), logging.getLogger(name), logging.getLogger()
    console = _is_console(settings)

    def write(**fields: Any) -> None:
        if console or len(root.handlers) != 1 or logger.handlers:
            log.info("request", **fields)
        elif logger.isEnabledFor(logging.INFO):
            line = {**fields, "event": "request", "level": "info", "logger": name}
            _bind_context(None, "info", line)
            line["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            with suppress(OSError, ValueError):  # a full disk or a closed pipe stops no request
                sys.stderr.write(redacted(json.dumps(line)) + "\n")

    return write


def _is_console(settings: "CoreSettings") -> bool:
    return settings.log_format == "console" or (
        settings.log_format == "auto" and (settings.environment == "local" or sys.stderr.isatty())
    )


def _drop_duplicates(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    # uvicorn repeats its message with terminal codes; Celery repeats the parts of its message.
    event.pop("color_message", None)
    event.pop("data", None)
    return event


def _is_relevant(record: logging.LogRecord) -> bool:
    """Leave out the start and the success of core's own tasks, which run every few seconds."""
    data = getattr(record, "data", None)
    own_task = isinstance(data, dict) and str(data.get("name")).startswith("core.")
    return record.levelno > logging.INFO or not own_task


def _bind_context(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    for name, variable in BOUND.items():
        value = variable.get()
        if value is not None:
            event.setdefault(name, value)
    for name, read in IDS.items():
        value = read()
        if value is not None:
            event.setdefault(name, value)
    return event


def _add_id_prefix(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    """Put the end of the task's or the request's id before the message, to relate lines.

    Not its start: ids begin with the time, so those of neighbours start alike.
    """
    request_id, task_id = event.pop("request_id", None), event.pop("task_id", None)
    if full_id := task_id or request_id:
        event["event"] = f"[{full_id[-8:]}] {event['event']}"
    return event
