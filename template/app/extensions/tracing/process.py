"""Starts tracing in a process, if there is an endpoint.

This feature imports OpenTelemetry only then. FastAPI imports its API in any case, and redis-py its
SDK.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from app.core.process import Kind
from app.core.settings import get_settings, load_settings
from app.extensions.tracing.settings import TracingSettings


@contextmanager
def run(kind: Kind, name: str | None) -> Iterator[None]:
    """Record spans until the process ends; then send what is left."""
    settings = load_settings(TracingSettings)
    if settings.endpoint is None:
        yield
        return
    from app.extensions.tracing.setup import configured

    with configured(get_settings(), settings, kind) as tracer:
        # Everything that a command does belongs to one trace. Nothing else has one span in common.
        span = tracer.start_as_current_span(f"app {name}") if kind == "command" else nullcontext()
        with span:
            yield
