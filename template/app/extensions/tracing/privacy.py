"""Removes what people sent from spans, whichever library recorded it.

It stands before the exporter, because FastAPI and the libraries record these values themselves and
no setting of theirs prevents it.
"""

from collections.abc import Mapping, Sequence

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, Status
from opentelemetry.util.types import AttributeValue

# Whole addresses are left out with their queries: paths hold tokens of links, and keys of files.
# The route, the host and the method tell the rest.
REMOVED = frozenset(
    {
        *("url.full", "url.path", "url.query", "http.url", "http.target", "http.user_agent"),
        *("http.request.method_original", "user_agent.original", "client.address"),
        *("db.user", "db.statement.parameters", "exception.message", "exception.stacktrace"),
    }
)


class PrivateExporter(SpanExporter):
    """Passes spans on without these attributes, messages of errors, and states of vendors."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See `SpanExporter`."""
        return self._exporter.export([*map(cleaned, spans)])

    def shutdown(self) -> None:
        """See `SpanExporter`."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See `SpanExporter`."""
        return self._exporter.force_flush(timeout_millis)


def cleaned(span: ReadableSpan) -> ReadableSpan:
    """Return the span without what people sent.

    An exception becomes its type, in `error.type`. Its message may have values, such as the one of
    a unique constraint. The logs have it, with the same trace id.
    """
    attributes = _allowed(span.attributes)
    for event in span.events:
        if event.name == "exception":
            attributes.setdefault("error.type", (event.attributes or {})["exception.type"])
    return ReadableSpan(
        name=span.name,
        context=_own(span.get_span_context()),
        parent=_own(span.parent),
        resource=span.resource,
        attributes=attributes,
        events=[
            Event(event.name, _allowed(event.attributes), event.timestamp)
            for event in span.events
            if event.name != "exception"
        ],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _allowed(attributes: Mapping[str, AttributeValue] | None) -> dict[str, AttributeValue]:
    return {name: value for name, value in (attributes or {}).items() if name not in REMOVED}


def _own(context: SpanContext | None) -> SpanContext | None:
    """Leave out `tracestate`, which the caller of a request may fill with anything."""
    if context is None:
        return None
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)
