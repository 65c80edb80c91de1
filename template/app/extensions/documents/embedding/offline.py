"""Vectors without a model: texts are similar if they share words or parts of words.

Each word, and each n-gram of its letters, changes one number of the vector, which its hash selects
(feature hashing: Weinberger and others, 2009, arXiv:0902.2206). Inflections and compounds are
therefore similar ("delivered", "delivery"), in any script, and synonyms are not. These vectors are
for development and tests; for a search by meaning, use a real model.
"""

import math
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

from app.extensions.documents.embedding.base import Vector, model_name
from app.extensions.documents.settings import DocumentSettings

BATCH = 64
_WORD = re.compile(r"\w+")
_GRAM = 4  # letters of an n-gram
_MAX_LETTERS = 40  # of a word; the rest is ignored
# Scripts without spaces between words: bigrams stand for words.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


class OfflineEmbedder:
    """A text always has the same vector, on every machine."""

    batch = BATCH

    def __init__(self, settings: DocumentSettings) -> None:
        self.dimensions = settings.embedding_dimensions
        self.model = model_name(settings)

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """See `Embedder`."""
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> Vector:
        vector = [0.0] * self.dimensions
        words = Counter(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))
        for word, count in words.items():
            # Repetitions count less than the first occurrence.
            frequency = 1 + math.log(count)
            for number, weight in _features(word[:_MAX_LETTERS]):
                # One bit of the hash is a sign, so that the errors of collisions cancel out.
                place, sign = number >> 1, 1 if number & 1 else -1
                vector[place % self.dimensions] += sign * weight * frequency
        length = math.hypot(*vector) or 1.0
        return [number / length for number in vector]


@lru_cache(maxsize=50_000)
def _features(word: str) -> tuple[tuple[int, float], ...]:
    return tuple((zlib.crc32(name.encode()), weight) for name, weight in _names(word))


def _names(word: str) -> Iterator[tuple[str, float]]:
    """Yield the features of a word and their weights."""
    if _UNSPACED.search(word):
        for start in range(max(1, len(word) - 1)):
            yield word[start : start + 2], 1.0
        return
    # Function words are short in every language, so short words weigh less. This replaces lists of
    # stop words.
    weight = min(len(word), 8) / 8
    yield f"={word}", weight**2
    padded = f"<{word}>"
    grams = [padded[start : start + _GRAM] for start in range(max(1, len(padded) - _GRAM + 1))]
    for gram in grams:
        yield gram, weight**2 / math.sqrt(len(grams))
