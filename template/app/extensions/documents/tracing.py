"""Spans of embeddings, with the names of OpenTelemetry's conventions for generative AI."""

from collections.abc import Sequence

from opentelemetry.trace import SpanKind, Tracer

from app.extensions.documents.embedding import WRAPPERS, Embedder, Vector


class TracedEmbedder:
    """An embedder whose calls are spans. The texts are not part of them."""

    def __init__(self, embedder: Embedder, tracer: Tracer) -> None:
        self.model, self.dimensions, self.batch = (
            embedder.model,
            embedder.dimensions,
            embedder.batch,
        )
        self._embedder, self._tracer = embedder, tracer
        provider, _, rest = embedder.model.partition(":")
        model = rest.rpartition(":")[0]
        self._name = f"embeddings {model}"
        self._attributes: dict[str, str | int] = {
            "gen_ai.operation.name": "embeddings",
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": model,
            "gen_ai.embeddings.dimension.count": embedder.dimensions,
        }

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """See `Embedder`."""
        with self._tracer.start_as_current_span(
            self._name, kind=SpanKind.CLIENT, attributes=self._attributes
        ) as span:
            span.set_attribute("app.texts", len(texts))
            return await self._embedder.embed(texts)


def instrument(tracer: Tracer) -> None:
    """Trace the embedder of this process."""
    WRAPPERS.append(lambda embedder: TracedEmbedder(embedder, tracer))
