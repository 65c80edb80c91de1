"""The trace in which a task is enqueued, for the worker that runs the task."""

from app.core.settings import load_settings
from app.extensions.tracing.settings import TracingSettings


def headers() -> dict[str, str]:
    """Return `traceparent`, if something is traced now."""
    if load_settings(TracingSettings).endpoint is None:
        return {}
    from opentelemetry.propagate import inject

    found: dict[str, str] = {}
    inject(found)
    return found
