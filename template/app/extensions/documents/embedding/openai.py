"""Vectors by HTTP from OpenAI, Azure, Ollama, vLLM: from whatever speaks OpenAI's interface."""

from collections.abc import Sequence
from typing import Any

import httpx

from app.core.http_client import authorities
from app.extensions.documents import http
from app.extensions.documents.embedding import EmbeddingError, Vector, checked, model_name
from app.extensions.documents.settings import DocumentSettings

BATCH = 128  # the interface allows 2,048 texts and 300,000 tokens in a request


class OpenAIEmbedder:
    """A model behind `/embeddings`."""

    batch = BATCH

    def __init__(self, settings: DocumentSettings) -> None:
        self.dimensions = settings.embedding_dimensions
        self.model = model_name(settings)
        self._url = http.endpoint(settings.embedding_base_url, "embeddings")
        self._headers = http.sign_in(self._url, settings.embedding_api_key)
        self._name = settings.embedding_model
        # Open as long as the process: a search must not begin with a handshake.
        self._client = httpx.AsyncClient(verify=authorities(), timeout=http.TIMEOUT)

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """See `Embedder`."""
        body: dict[str, Any] = {"model": self._name, "input": list(texts)}
        if "text-embedding-3" in self._name:
            # These alone can shorten their vectors, and others refuse to be asked.
            body["dimensions"] = self.dimensions
        try:
            answer = await http.post(self._client, self._url, body, self._headers)
            found = answer.json()["data"]
            vectors = [each["embedding"] for each in sorted(found, key=lambda each: each["index"])]
        except httpx.HTTPError as error:
            raise EmbeddingError(f"The embedding service does not answer: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise EmbeddingError("The embedding service answers something else.") from error
        return checked(vectors, len(texts), self.dimensions)
