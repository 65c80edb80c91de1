"""Spans of messages and tasks.

OpenTelemetry's own instrumentation of Celery would continue the trace of the process that sends a
message. Here a message may be sent long after its task was enqueued, by another process, so the
trace comes from the headers of the task.
"""

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

from celery.exceptions import Ignore, Reject
from celery.signals import before_task_publish, task_postrun, task_prerun
from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

from app.core.tasks import SkipRunError
from app.core.tasks.progress import CancelledError
from app.core.tasks.records import LostClaimError

if TYPE_CHECKING:
    from celery.app.task import Task

TASK = "celery.task_name"
ENDED_IN_ORDER = (SkipRunError, CancelledError, LostClaimError)

_running: ContextVar[tuple[Span, "Token[Context]"] | None] = ContextVar("running", default=None)


def connect(tracer: Tracer) -> None:
    """Trace every message that this process sends, and every task that it runs."""

    def create(sender: str, headers: dict[str, Any], routing_key: str, **_: Any) -> None:
        parent = propagate.extract(headers)
        attributes = _attributes(sender, str(headers["id"]), "create", routing_key)
        span = tracer.start_span(f"create {sender}", parent, SpanKind.PRODUCER, attributes)
        propagate.inject(headers, trace.set_span_in_context(span))
        span.end()  # many messages leave in one round trip

    def start(task_id: str, task: "Task[Any, Any]", **_: Any) -> None:
        parent = propagate.extract(task.request.headers or {})
        queue = (task.request.delivery_info or {}).get("routing_key")
        attributes = _attributes(task.name, task_id, "process", str(queue))
        span = tracer.start_span(f"process {task.name}", parent, SpanKind.CONSUMER, attributes)
        _running.set((span, context.attach(trace.set_span_in_context(span))))

    def end(state: str, retval: Any, **_: Any) -> None:
        if running := _running.get():
            span, token = running
            span.set_attribute("celery.state", state)
            # A run that is tried again, or not at all, ends with one of these.
            error = retval.__cause__ if isinstance(retval, Ignore | Reject) else retval
            if isinstance(error, BaseException) and not isinstance(error, ENDED_IN_ORDER):
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(StatusCode.ERROR)
            span.end()
            context.detach(token)
            _running.set(None)

    before_task_publish.connect(create, weak=False)
    task_prerun.connect(start, weak=False)
    task_postrun.connect(end, weak=False)


def _attributes(task: str, task_id: str, operation: str, queue: str) -> dict[str, str]:
    return {
        TASK: task,
        "messaging.system": "celery",
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": queue,
        "messaging.message.id": task_id,
    }
