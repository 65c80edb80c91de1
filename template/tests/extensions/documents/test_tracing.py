"""Spans of embeddings."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.extensions.documents import tracing
from app.extensions.documents.embedding import WRAPPERS, EmbeddingError, process_embedder
from app.extensions.documents.embedding.offline import OfflineEmbedder


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """The spans of embeddings in this test."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    process_embedder.cache_clear()
    tracing.instrument(provider.get_tracer("test"))
    yield exporter
    WRAPPERS.clear()
    process_embedder.cache_clear()


async def test_a_call_is_a_span_without_its_texts(spans: InMemorySpanExporter) -> None:
    embedder = process_embedder()
    vectors = await embedder.embed(["hunter2", "hunter3"])
    assert len(vectors) == 2
    (span,) = spans.get_finished_spans()
    assert span.name == "embeddings words-1"
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "offline",
        "gen_ai.request.model": "words-1",
        "gen_ai.embeddings.dimension.count": embedder.dimensions,
        "app.texts": 2,
    }


async def test_an_error_reaches_the_caller_and_the_span(
    spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise EmbeddingError("down")

    monkeypatch.setattr(OfflineEmbedder, "embed", fail)
    with pytest.raises(EmbeddingError):
        await process_embedder().embed(["x"])
    (span,) = spans.get_finished_spans()
    assert not span.status.is_ok
