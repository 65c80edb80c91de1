"""Vectors for texts: what an embedder is, and the one that the settings name."""

import math
from collections.abc import Sequence
from functools import cache
from typing import Protocol

from app.core.settings import load_settings
from app.extensions.documents.settings import DocumentSettings, Provider

Vector = list[float]

# Counted up with every change of the offline vectors: those of before are none of its own.
OFFLINE_MODEL = "words-1"


class EmbeddingError(Exception):
    """The provider does not answer, or not as it should; trying again later may help."""


class WrongModelError(Exception):
    """The provider's model and the settings do not fit; the text says what to change."""


class Embedder(Protocol):
    """Turns texts into vectors of length 1, near each other where the texts are."""

    @property
    def model(self) -> str:
        """Name under which its vectors are stored; other vectors are never compared with them."""

    @property
    def dimensions(self) -> int:
        """Length of its vectors."""

    @property
    def batch(self) -> int:
        """Texts that `embed` takes at once."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return a vector for each text.

        Raises:
            EmbeddingError: the provider does not answer.
            WrongModelError: its vectors have another length than the settings say.
        """


@cache
def process_embedder() -> Embedder:
    """The embedder of this process: it keeps its connections, or its model, for the next text.

    Raises:
        SettingsError: see `embedder`.
    """
    return embedder(load_settings(DocumentSettings))


def embedder(settings: DocumentSettings) -> Embedder:
    """Make the embedder that the settings name.

    Raises:
        SettingsError: what it needs is missing; the text says what to do.
    """
    match settings.provider:
        case Provider.OPENAI:
            from app.extensions.documents.embedding.openai import OpenAIEmbedder

            return OpenAIEmbedder(settings)
        case Provider.LOCAL:
            from app.extensions.documents.embedding.local import LocalEmbedder

            return LocalEmbedder(settings)
        case Provider.OFFLINE:
            from app.extensions.documents.embedding.offline import OfflineEmbedder

            return OfflineEmbedder(settings)


def model_name(settings: DocumentSettings) -> str:
    """The name under which vectors of these settings are stored."""
    offline = settings.provider is Provider.OFFLINE
    model = OFFLINE_MODEL if offline else settings.embedding_model
    return f"{settings.provider}:{model}:{settings.embedding_dimensions}"


def checked(vectors: list[Vector], count: int, dimensions: int) -> list[Vector]:
    """Return vectors of a provider with length 1.

    Raises:
        EmbeddingError: there are more or fewer than `count`, or numbers that are none.
        WrongModelError: they have another length than the settings say.
    """
    if len(vectors) != count:
        raise EmbeddingError(f"{len(vectors)} vectors came for {count} texts.")
    for vector in vectors:
        if len(vector) != dimensions:
            raise WrongModelError(
                f"The model answers vectors of {len(vector)} numbers and "
                f"DOCUMENTS_EMBEDDING_DIMENSIONS is {dimensions}: set it to {len(vector)}."
            )
    lengths = [math.hypot(*vector) for vector in vectors]
    if not all(math.isfinite(length) for length in lengths):
        raise EmbeddingError("A vector holds something that is no number.")
    return [
        [number / (length or 1.0) for number in vector]
        for vector, length in zip(vectors, lengths, strict=True)
    ]
