"""Spans of the libraries that leave the process: SQL, Redis, HTTP.

asyncpg and psycopg are traced and not SQLAlchemy, because `Reader` fetches without SQLAlchemy.
"""

from typing import Any

from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.trace import SpanKind, Tracer

from app.core.redis import Scripts


def instrument(tracer: Tracer) -> None:
    """Trace every client of this process, also those that exist already."""
    for library in (
        AsyncPGInstrumentor,
        PsycopgInstrumentor,
        RedisInstrumentor,
        HTTPXClientInstrumentor,
    ):
        library().instrument()
    _trace_scripts(tracer)


def _trace_scripts(tracer: Tracer) -> None:
    """Trace core's own way to run scripts, which uses a connection without its client."""
    run = Scripts.run

    async def traced(self: Scripts, *arguments: Any) -> Any:
        attributes = {"db.system.name": "redis", "db.operation.name": "EVALSHA"}
        with tracer.start_as_current_span("EVALSHA", kind=SpanKind.CLIENT, attributes=attributes):
            return await run(self, *arguments)

    setattr(Scripts, "run", traced)  # noqa: B010 - for the type checker
