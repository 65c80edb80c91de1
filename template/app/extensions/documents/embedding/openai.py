"""Vectors from a service with OpenAI's API: OpenAI, Azure, Ollama, vLLM and others."""

from collections.abc import Sequence
from typing import Any

import httpx

from app.core.http_client import client_options
from app.extensions.documents import http
from app.extensions.documents.embedding.base import EmbeddingError, Vector, model_name, normalize
from app.extensions.documents.settings import DocumentSettings

BATCH = 128  # the API allows 2,048 texts and 300,000 tokens in a request


class OpenAIEmbedder:
    """A model behind the endpoint `/embeddings`."""

    batch = BATCH

    def __init__(self, settings: DocumentSettings) -> None:
        self.dimensions = settings.embedding_dimensions
        self.model = model_name(settings)
        self._url = http.endpoint(settings.embedding_base_url, "embeddings")
        self._headers = http.auth_headers(self._url, settings.embedding_api_key)
        self._name = settings.embedding_model
        # The client lives as long as the process, so that a search does not start with a handshake.
        self._client = httpx.AsyncClient(**client_options(), timeout=http.TIMEOUT)

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """See `Embedder`."""
        body: dict[str, Any] = {"model": self._name, "input": list(texts)}
        if "text-embedding-3" in self._name:
            # Only these models can shorten their vectors; others reject the parameter.
            body["dimensions"] = self.dimensions
        try:
            response = await http.post(self._client, self._url, body, self._headers)
            data = response.json()["data"]
            vectors = [each["embedding"] for each in sorted(data, key=lambda each: each["index"])]
        except httpx.HTTPError as error:
            raise EmbeddingError(f"The embedding service does not answer: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise EmbeddingError("The answer of the embedding service is not valid.") from error
        return normalize(vectors, len(texts), self.dimensions)
