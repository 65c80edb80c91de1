"""OpenTelemetry's SDK with the settings of the project, once in each process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import set_global_textmap
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.core.context import IDS
from app.core.features import load
from app.core.logging import log_seldom
from app.core.process import Kind
from app.core.settings import CoreSettings
from app.extensions.tracing import celery_tasks, libraries
from app.extensions.tracing.privacy import PrivateExporter
from app.extensions.tracing.sampling import RootSampler
from app.extensions.tracing.settings import TracingSettings

NAME = "app"
TIMEOUT = 5.0  # seconds for a request to the receiver, and for the last ones of a process


@contextmanager
def configured(core: CoreSettings, settings: TracingSettings, kind: Kind) -> Iterator[trace.Tracer]:
    """Record spans in this process, and send what is left at the end.

    OpenTelemetry knows one provider for each process. A command that also starts the API, such as
    `app routes`, keeps the first one.
    """
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        yield trace.get_tracer(NAME)
        return
    resource = Resource.create(
        {
            "service.name": core.project_name,
            "service.version": core.app_version,
            "deployment.environment.name": core.environment,
            "app.process": kind,
        }
    )
    log_seldom(OTLPSpanExporter.__module__)
    exporter = OTLPSpanExporter(settings.address, headers=settings.plain_headers, timeout=TIMEOUT)
    processor = BatchSpanProcessor(PrivateExporter(exporter))
    provider = TracerProvider(
        sampler=ParentBased(RootSampler(settings.rate, untraced(core))),
        resource=resource,
        shutdown_on_exit=False,
    )
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    # Not `baggage`: what a caller sends there would reach every service that this backend calls.
    set_global_textmap(TraceContextTextMapPropagator())
    # The libraries use the names of the stable conventions only if this asks for them.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
    IDS["trace_id"] = current_trace_id
    tracer = trace.get_tracer(NAME)
    libraries.instrument(tracer)
    celery_tasks.connect(tracer)
    for _, module in load("tracing"):
        if hasattr(module, "instrument"):
            module.instrument(tracer)
    try:
        yield tracer
    finally:
        # A receiver that is down must not hold up the end of the process.
        stop = Timer(TIMEOUT, exporter.shutdown)
        stop.start()
        processor.shutdown()  # type: ignore[no-untyped-call]
        stop.cancel()


def untraced(core: CoreSettings) -> tuple[str, ...]:
    """Return the paths that features name in `UNTRACED` of their `tracing.py`, below API_PREFIX."""
    return tuple(
        f"{core.api_prefix}{path}"
        for _, module in load("tracing")
        for path in getattr(module, "UNTRACED", ())
    )


def current_trace_id() -> str | None:
    """Return the id of the trace that the running code belongs to, recorded or not."""
    found = trace.get_current_span().get_span_context()
    return trace.format_trace_id(found.trace_id) if found.is_valid else None
