"""Which traces that begin in this backend are recorded."""

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    Decision,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.span import TraceState
from opentelemetry.util.types import Attributes

from app.extensions.tracing.celery_tasks import TASK


class RootSampler(Sampler):
    """A share of all traces, without those that nobody reads.

    Left out are the polling of workers and pools, which would be traces of one command each, the
    health checks and the paths that features name, and the upkeep of core, which runs every few
    seconds.
    """

    def __init__(self, rate: float, untraced: tuple[str, ...] = ()) -> None:
        self._untraced = ("/health", *untraced)
        self._share = TraceIdRatioBased(rate)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """See `Sampler`."""
        known = attributes or {}
        if (
            kind is SpanKind.CLIENT
            or self._is_untraced(str(known.get("url.path", "")))
            or str(known.get(TASK, "")).startswith("core.")
        ):
            return SamplingResult(Decision.DROP)
        return self._share.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def _is_untraced(self, path: str) -> bool:
        return any(f"{path}/".startswith(f"{each}/") for each in self._untraced)

    def get_description(self) -> str:
        """See `Sampler`."""
        return f"Root({self._share.get_description()})"
