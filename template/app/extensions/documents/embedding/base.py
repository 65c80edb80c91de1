"""The protocol of embedders, their errors, and the names of their models."""

import math
from collections.abc import Sequence
from typing import Protocol

from app.extensions.documents.settings import DocumentSettings, Provider

Vector = list[float]

# Increase the number with every change of the offline vectors, so that old ones are not used.
OFFLINE_MODEL = "words-1"


class EmbeddingError(Exception):
    """The provider does not answer, or its answer is wrong; a retry may help."""


class WrongModelError(Exception):
    """The provider's model does not fit the settings; the message says what to change."""


class Embedder(Protocol):
    """Turns texts into vectors of length 1; similar texts have similar vectors."""

    @property
    def model(self) -> str:
        """The name under which its vectors are stored; only such vectors are compared."""

    @property
    def dimensions(self) -> int:
        """The number of dimensions of its vectors."""

    @property
    def batch(self) -> int:
        """The largest number of texts for one call of `embed`."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return a vector for each text.

        Raises:
            EmbeddingError: the provider does not answer.
            WrongModelError: the vectors have other dimensions than the settings say.
        """


def model_name(settings: DocumentSettings) -> str:
    """Return the name under which the vectors of these settings are stored."""
    offline = settings.provider is Provider.OFFLINE
    model = OFFLINE_MODEL if offline else settings.embedding_model
    return f"{settings.provider}:{model}:{settings.embedding_dimensions}"


def normalize(vectors: list[Vector], count: int, dimensions: int) -> list[Vector]:
    """Check the vectors of a provider and scale them to length 1.

    Raises:
        EmbeddingError: the number of vectors is not `count`, or a value is not a finite number.
        WrongModelError: the vectors have other dimensions than the settings say.
    """
    if len(vectors) != count:
        raise EmbeddingError(f"The provider returned {len(vectors)} vectors for {count} texts.")
    for vector in vectors:
        if len(vector) != dimensions:
            raise WrongModelError(
                f"The model returns vectors with {len(vector)} dimensions, but "
                f"DOCUMENTS_EMBEDDING_DIMENSIONS is {dimensions}. Set it to {len(vector)}."
            )
    lengths = [math.hypot(*vector) for vector in vectors]
    if not all(math.isfinite(length) for length in lengths):
        raise EmbeddingError("A vector contains a value that is not a finite number.")
    return [
        [number / (length or 1.0) for number in vector]
        for vector, length in zip(vectors, lengths, strict=True)
    ]
